//! A worker's time in office, on the real machine.
#![cfg(unix)]
// All of this is test code.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use coordinator::machine::{Readiness, StartTime, WorkerReport};
use coordinator::record::{self, Record, WorkerState};
use coordinator::{Claim, Epoch, Tenure, TenureError, WorkerId, layout, system};

struct Unheard;

impl Readiness for Unheard {
    fn report(&self, _report: &WorkerReport) {}
}

fn id(dir: &Path) -> WorkerId {
    WorkerId::builder().state_dir(dir).port("auto").build().unwrap()
}

async fn claimed(dir: &Path) -> Tenure {
    let claim = Tenure::claim(&system::machine(), &id(dir), None, Box::new(Unheard)).await.unwrap();
    let Claim::Won(tenure) = claim else { panic!("not won") };
    tenure
}

async fn serving(dir: &Path) -> (Tenure, SocketAddr) {
    let tenure = claimed(dir).await;
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    tenure.ready(address).await.unwrap();
    (tenure, address)
}

fn record(dir: &Path) -> Option<Record> {
    record::parse(&std::fs::read(dir.join(layout::RECORD)).ok()?)
}

#[tokio::test]
async fn each_tenure_has_the_next_epoch_and_another_token_and_leaves_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let mut tokens = Vec::new();
    for epoch in 1..4 {
        let (tenure, address) = serving(dir.path()).await;
        assert_eq!(tenure.epoch(), Epoch(epoch));
        let secrets = [layout::PROOF_KEY, layout::TOKEN, layout::PID_FILE].map(|name| dir.path().join(name));
        assert!(secrets.iter().all(|secret| secret.exists()));
        assert_eq!(std::fs::read_to_string(&secrets[1]).unwrap(), tenure.token());
        assert!(!tokens.iter().any(|token| token == tenure.token()) && tenure.token().len() == 64);
        tokens.push(tenure.token().to_owned());
        let said = record(dir.path()).unwrap();
        assert_eq!((said.epoch, said.address), (Some(Epoch(epoch)), Some(address)));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let age = u64::try_from(now.as_millis()).unwrap().checked_sub(said.started_at_ms);
        assert!(age.is_some_and(|age| age < 60_000), "{said:?}");
        tenure.end("asked to").await;
        assert!(!secrets.iter().any(|secret| secret.exists()));
        assert_eq!(record(dir.path()).unwrap().state, WorkerState::Stopped);
    }
}

#[tokio::test]
async fn what_is_lost_is_put_back_until_the_end_and_not_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let (tenure, _) = serving(dir.path()).await;
    std::fs::remove_file(dir.path().join(layout::RECORD)).unwrap();
    tenure.check().await.unwrap();
    assert_eq!(record(dir.path()).unwrap().state, WorkerState::Ready);
    tenure.leaving().await;
    assert_eq!(record(dir.path()).unwrap().state, WorkerState::Leaving);
    tenure.end("asked to").await;
    std::fs::remove_file(dir.path().join(layout::RECORD)).unwrap();
    tenure.check().await.unwrap();
    assert_eq!(record(dir.path()), None);
}

#[tokio::test]
async fn a_worker_whose_directory_is_replaced_gives_no_answer_and_writes_nothing_into_the_new_one() {
    let parent = tempfile::tempdir().unwrap();
    let dir: PathBuf = parent.path().join("state");
    let (tenure, address) = serving(&dir).await;
    assert!(tenure.answer(None, address).await.is_ok());
    std::fs::rename(&dir, parent.path().join("old")).unwrap();
    std::fs::create_dir(&dir).unwrap();
    assert!(tenure.answer(None, address).await.is_err());
    assert!(tenure.check().await.is_err());
    tenure.leaving().await;
    tenure.end("superseded").await;
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_no_file_in_the_epochs_place_is_overwritten_or_named() {
    let dir = tempfile::tempdir().unwrap();
    drop(serving(dir.path()).await);
    let epoch = dir.path().join(layout::EPOCH);
    std::fs::remove_file(&epoch).unwrap();
    std::os::unix::fs::symlink("/dev/null", &epoch).unwrap();
    // The record remembers it.
    assert_eq!(claimed(dir.path()).await.epoch(), Epoch(2));
    assert!(std::fs::symlink_metadata(&epoch).unwrap().is_file());
}

/// Something has locked the directory: this process, for a test.
#[tokio::test]
async fn a_claim_that_the_directorys_lock_keeps_from_office_names_who_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    drop(serving(dir.path()).await);
    let mut record = record(dir.path()).unwrap();
    let kept = std::fs::File::open(dir.path()).unwrap();
    rustix::fs::flock(&kept, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (machine, id) = (system::machine(), id(dir.path()));
    let me = machine.processes.me();
    for (start_time, is_worker) in [(me.start_time, true), (StartTime(1), false)] {
        record.process.start_time = start_time;
        std::fs::write(dir.path().join(layout::RECORD), record::render(&record)).unwrap();
        match Tenure::claim(&machine, &id, None, Box::new(Unheard)).await {
            Ok(Claim::Lost(holder)) => assert!(is_worker && holder.pid == Some(me.pid), "{holder:?}"),
            Err(TenureError::LockLeaked { pids, .. }) => {
                assert!(!is_worker, "{pids:?}");
                assert!(pids.contains(&me.pid) || cfg!(not(target_os = "linux")), "{pids:?}");
            }
            Ok(Claim::Won(_)) => panic!("in office"),
            Err(error) => panic!("{error}"),
        }
    }
    drop(kept);
    assert_eq!(claimed(dir.path()).await.epoch(), Epoch(2));
}
