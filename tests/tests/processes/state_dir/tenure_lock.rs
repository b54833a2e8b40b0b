//! The tenure lock's file is deleted or replaced: nobody takes office beside the worker, and it locks the new one.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;

use oneworker_tests::{
    Gate, Identity, Running, Success, agreed, go_on, once_seen, stop, wait_for, wait_until_gone,
};
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::identity;

/// Whom the kernel names as holder of the lock of the file that is at the path now.
fn lock_holder(identity: &Identity) -> Option<u32> {
    let file = File::options().read(true).write(true).open(identity.file("worker.lock")).ok()?;
    let holder = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).unwrap()?.pid?;
    u32::try_from(holder.as_raw_nonzero().get()).ok()
}

/// Waits until its lock file is this worker's again.
pub(super) fn wait_until_locked_again(identity: &Identity, worker: u32) {
    wait_for("the worker to lock its new lock file", || {
        (lock_holder(identity) == Some(worker)).then_some(())
    });
}

/// Sessions and workers started by hand: all of them come to the worker in office.
fn assert_still_the_one(identity: &Identity, worker: &Success) {
    let gate = Gate::closed();
    let serves: Vec<_> = (0..5).map(|_| identity.command("serve").start_behind(&gate)).collect();
    let sessions: Vec<_> = (0..5).map(|_| identity.patient_ensure().start_behind(&gate)).collect();
    gate.open();
    for serve in serves {
        let (output, _) = serve.output();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let answers: Vec<_> = sessions.into_iter().map(Running::success).collect();
    assert_eq!(agreed(&answers).pid, worker.pid);
    assert_eq!((identity.epoch(), identity.tenures()), (worker.epoch, vec![worker.epoch]));
    identity.wait_until_alone(worker.pid);
}

#[test]
fn a_deleted_lock_file_is_made_and_locked_again_and_costs_nobody_anything() {
    let identity = identity();
    let worker = identity.patient();
    assert_eq!(lock_holder(&identity), Some(worker.pid));
    for _ in 0..3 {
        fs::remove_file(identity.file("worker.lock")).unwrap();
        assert_still_the_one(&identity, &worker);
        wait_until_locked_again(&identity, worker.pid);
    }
}

#[test]
fn a_replaced_lock_file_is_locked_by_the_worker_and_costs_nobody_anything() {
    let identity = identity();
    let worker = identity.patient();
    for _ in 0..3 {
        let other = identity.file("other");
        File::create(&other).unwrap();
        fs::rename(&other, identity.file("worker.lock")).unwrap();
        assert_still_the_one(&identity, &worker);
        wait_until_locked_again(&identity, worker.pid);
    }
}

#[test]
fn nobody_takes_office_beside_a_stopped_worker_whose_lock_file_was_deleted() {
    let identity = identity().hang_limit("10m");
    let worker = identity.patient();
    stop(worker.pid);
    fs::remove_file(identity.file("worker.lock")).unwrap();
    for _ in 0..2 {
        let serve = identity.command("serve").start();
        let (output, _) = serve.output();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains(&format!("(pid {})", worker.pid)), "{said}");
    }
    let failure = once_seen(&["unresponsive"], || identity.ensure());
    assert_eq!(failure.error["pid"], worker.pid);
    assert_eq!(identity.tenures(), [1]);
    go_on(worker.pid);
    assert_still_the_one(&identity, &worker);
    wait_until_locked_again(&identity, worker.pid);
}

#[test]
fn a_worker_that_ends_leaves_its_lock_file_where_it_is() {
    let identity = identity();
    let lock_file = || fs::metadata(identity.file("worker.lock")).map(|meta| meta.ino()).unwrap();
    let worker = identity.patient();
    let before = lock_file();
    identity.stop();
    wait_until_gone(worker.pid);
    // Whoever waits for the lock may have the file open: it would be given a file that nobody else finds.
    assert_eq!(lock_file(), before);
    assert_eq!((identity.patient().epoch, lock_file()), (2, before));
}
