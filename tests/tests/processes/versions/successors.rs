//! A worker never chooses its successor: however it leaves, nothing is started unless a session asks for it.

use std::fs;

use oneworker_tests::{Identity, processes_of, terminate, wait_until_gone};

use crate::identity;

/// The worker leaves, and at the moment at which it is gone there is no other process of its identity.
fn nothing_follows(leave: impl FnOnce(&Identity, u32)) -> Identity {
    let identity = identity();
    let worker = identity.patient();
    identity.wait_until_noted();
    leave(&identity, worker.pid);
    wait_until_gone(worker.pid);
    let left = processes_of(identity.scratch());
    assert!(left.is_empty(), "{left:?}");
    identity
}

#[test]
fn nothing_follows_a_worker_that_was_asked_to_stop() {
    let identity = nothing_follows(|identity, _| identity.stop());
    assert_eq!((identity.epoch(), identity.tenures()), (1, vec![1]));
}

#[test]
fn nothing_follows_a_worker_that_a_signal_told_to_stop() {
    let identity = nothing_follows(|_, worker| terminate(worker));
    assert_eq!((identity.epoch(), identity.tenures()), (1, vec![1]));
}

#[test]
fn nothing_follows_a_worker_that_found_itself_superseded() {
    let identity = nothing_follows(|identity, _| {
        fs::rename(identity.state_dir(), identity.scratch().join("aside")).unwrap();
        fs::create_dir(identity.state_dir()).unwrap();
    });
    assert_eq!(fs::read_dir(identity.state_dir()).unwrap().count(), 0);
}
