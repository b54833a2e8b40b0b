//! Sessions and workers that speak different protocol versions: who overlaps shares the worker, and it is only ever replaced by a newer one.

use std::path::PathBuf;
use std::time::Duration;

use coordinator::{
    Backoff, EnsureError, EnsureRequest, LaunchCommand, Outcome, ProtocolRange, ReplaceReason, Worker,
    WorkerId, blocking,
};
use oneworker_tests::{Identity, wait_until_gone};

use crate::{ANY_PROTOCOL, identity};

/// A session of the library that speaks these protocol versions and would start a worker that speaks `program`'s.
fn request(identity: &Identity, (min, max): (u32, u32), program: (u32, u32)) -> EnsureRequest {
    let args = [
        "serve".into(),
        identity.state_dir().into_os_string(),
        program.0.to_string().into(),
        program.1.to_string().into(),
        "auto".into(),
    ];
    let id = WorkerId::builder()
        .port("auto")
        .state_dir(identity.state_dir())
        .protocol(ProtocolRange::new(min, max).unwrap())
        .build()
        .unwrap();
    EnsureRequest::builder(id, LaunchCommand::new(PathBuf::from(ANY_PROTOCOL), args))
        .deadline(Duration::from_secs(600))
        .backoff(Backoff { base: Duration::ZERO, ..Backoff::default() })
        .build()
        .unwrap()
}

fn ensure(identity: &Identity, range: (u32, u32)) -> Result<Worker, EnsureError> {
    blocking::ensure_single_worker(&request(identity, range, range))
}

#[test]
fn a_worker_with_only_older_protocols_is_replaced_once_for_all_sessions() {
    let identity = identity();
    let old = ensure(&identity, (1, 1)).unwrap();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let sessions: Vec<_> = (0..10).map(|_| scope.spawn(|| ensure(&identity, (2, 3)))).collect();
        sessions.into_iter().map(|session| session.join().unwrap().unwrap()).collect()
    });
    let new = &answers[0];
    assert!(answers.iter().all(|answer| (answer.pid, answer.epoch) == (new.pid, new.epoch)), "{answers:?}");
    assert_eq!((new.epoch.0, new.protocol.max), (2, 3));
    let replaced = answers.iter().filter_map(|answer| match &answer.outcome {
        Outcome::Replaced { why: ReplaceReason::Handed { pid, .. } } => Some(*pid),
        _ => None,
    });
    assert_eq!(replaced.collect::<Vec<_>>(), [old.pid]);
    wait_until_gone(old.pid.0);
}

#[test]
fn a_worker_with_an_overlapping_protocol_is_reused_by_old_and_new() {
    let identity = identity();
    let worker = ensure(&identity, (2, 3)).unwrap();
    for range in [(1, 2), (3, 9), (2, 2), (1, 9)] {
        let answer = ensure(&identity, range).unwrap();
        assert_eq!((answer.pid, answer.outcome), (worker.pid, Outcome::Reused), "{range:?}");
    }
}

#[test]
fn a_worker_with_only_newer_protocols_is_left_alone_and_both_are_named() {
    let identity = identity();
    let worker = ensure(&identity, (2, 3)).unwrap();
    match ensure(&identity, (1, 1)) {
        Err(EnsureError::TooNew { pid, worker_protocol, protocol, .. }) => {
            assert_eq!((pid, worker_protocol.min, worker_protocol.max, protocol.max), (worker.pid, 2, 3, 1));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ensure(&identity, (2, 3)).unwrap().pid, worker.pid, "it was downgraded");
}

#[test]
fn two_installs_that_ask_in_turn_do_not_replace_each_others_worker_for_ever() {
    let identity = identity();
    ensure(&identity, (1, 1)).unwrap();
    let new = ensure(&identity, (2, 2)).unwrap();
    for _ in 0..10 {
        let old_install = ensure(&identity, (1, 1));
        assert!(matches!(old_install, Err(EnsureError::TooNew { .. })), "{old_install:?}");
        let answer = ensure(&identity, (2, 2)).unwrap();
        assert_eq!((answer.pid, answer.outcome), (new.pid, Outcome::Reused));
    }
    assert_eq!((new.epoch.0, identity.epoch()), (2, 2));
}

#[test]
fn a_session_whose_own_program_speaks_only_older_protocols_says_so_and_does_not_replace_for_ever() {
    let identity = identity();
    let answer = blocking::ensure_single_worker(&request(&identity, (2, 3), (1, 1)));
    let Err(EnsureError::TooNew { worker_protocol, protocol, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!((worker_protocol.max, protocol.min), (1, 2));
    assert_eq!(identity.epoch(), 1, "it was replaced by its like");
}
