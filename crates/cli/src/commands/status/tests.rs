use std::ffi::OsString;

use coordinator::machine::Pid;
use coordinator::proof::Health;
use coordinator::record::WorkerState;
use coordinator::{Epoch, Name, ProtocolRange};

use super::*;
use crate::config::{FileChoice, Key};

fn request() -> Request {
    let flags = vec![(Key::StateDir, OsString::from(std::env::temp_dir().join("status")))];
    Request::new(&flags, &FileChoice::None, false).unwrap()
}

fn nothing() -> Sight {
    Sight {
        in_office: false,
        holder: None,
        record: None,
        health: None,
        process: None,
        launch: None,
        trouble: None,
    }
}

fn health(state: WorkerState) -> Health {
    Health {
        schema: 1,
        name: Name::default(),
        identity: String::new(),
        epoch: Epoch(7),
        pid: Pid(42),
        address: ([127, 0, 0, 1], 37777).into(),
        version: semver::Version::new(0, 1, 0),
        protocol: ProtocolRange::default(),
        state,
        service: None,
        proof: None,
    }
}

fn report(sight: &Sight) -> StatusOutput {
    StatusOutput::new(&request(), sight, &*system::machine().clock)
}

#[test]
fn a_proven_worker_in_office_is_success() {
    let sight = Sight {
        in_office: true,
        holder: Some(Pid(42)),
        health: Some(health(WorkerState::Ready)),
        ..nothing()
    };
    let report = report(&sight);
    assert_eq!(report.exit(), exit::OK);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["state"], "ready");
    assert_eq!((json["pid"].as_u64(), json["epoch"].as_u64()), (Some(42), Some(7)));
    assert_eq!(json["url"], "http://127.0.0.1:37777");
    assert!(report.table().contains("\nurl         http://127.0.0.1:37777\n"), "{}", report.table());
}

#[test]
fn nobody_in_office_has_its_own_exit_code_whatever_answers() {
    let sight = Sight { health: Some(health(WorkerState::Ready)), ..nothing() };
    let report = report(&sight);
    assert_eq!(report.exit(), exit::NOT_RUNNING);
    assert_eq!(report.pid, None);
    assert!(report.table().contains("not running"));
}

#[test]
fn an_office_without_an_answer_is_unresponsive() {
    let sight = Sight {
        in_office: true,
        holder: Some(Pid(42)),
        trouble: Some("it does not answer".into()),
        ..nothing()
    };
    let report = report(&sight);
    assert_eq!(report.exit(), errors::exit_of("unresponsive"));
    assert!(report.table().contains("unresponsive: it does not answer"));
}

#[test]
fn every_state_has_an_exit_code() {
    for state in [
        WorkerCondition::Starting,
        WorkerCondition::Leaving,
        WorkerCondition::Unresponsive,
        WorkerCondition::NotRunning,
    ] {
        assert_ne!(errors::exit_of(state.word()), exit::OTHER, "{state:?}");
        assert_eq!(serde_json::to_value(state).unwrap(), state.word());
    }
}
