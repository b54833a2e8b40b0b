//! Epochs only grow, whichever of the two places that remember them is lost.

use std::fs;

use oneworker_tests::kill_and_wait;

use super::identity;

#[test]
fn a_lost_epoch_file_is_made_up_for_by_the_old_record() {
    let identity = identity();
    for epoch in 1..=3 {
        let worker = identity.patient();
        assert_eq!((worker.epoch, identity.epoch()), (epoch, epoch));
        kill_and_wait(worker.pid);
        fs::remove_file(identity.file("epoch")).unwrap();
    }
}

#[test]
fn a_lost_record_is_made_up_for_by_the_epoch_file() {
    let identity = identity();
    for epoch in 1..=3 {
        let worker = identity.patient();
        assert_eq!((worker.epoch, identity.epoch()), (epoch, epoch));
        kill_and_wait(worker.pid);
        fs::remove_file(identity.file("worker.json")).unwrap();
    }
}

#[test]
fn a_worker_that_died_before_it_drew_its_epoch_does_not_make_its_record_forget_the_last_one() {
    let identity = identity();
    let first = identity.patient();
    kill_and_wait(first.pid);
    fs::remove_file(identity.file("epoch")).unwrap();
    let failure = identity.failing("claim.recorded=kill");
    assert_eq!(failure.code, "launch_failed", "{:?}", failure.error);
    assert_eq!(identity.patient().epoch, 2);
}
