//! The election's lock is deleted, replaced, or no file at all, while somebody holds it or not: at most one is elected, and nobody waits for
//! ever.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use coordinator::machine::ElectionGuard;
use coordinator::system;
use oneworker_tests::{Identity, Running, agreed, go_on, wait_until_stopped};

use super::identity;

/// While the elected session is stopped, its lock file is taken from under it: the others elect another, and in the end one worker serves
/// them all.
fn election_survives(change: impl Fn(&Path)) {
    let identity = identity();
    let stopped = identity.ensure_failing("elect.won=stop").patiently().start();
    wait_until_stopped(stopped.pid());
    change(&identity.file("spawn.lock"));
    let others: Vec<_> = (0..8).map(|_| identity.patient_ensure().start()).collect();
    let answers: Vec<_> = others.into_iter().map(Running::success).collect();
    let worker = agreed(&answers);
    go_on(stopped.pid());
    assert_eq!(stopped.success().pid, worker.pid);
    identity.wait_until_alone(worker.pid);
    assert_eq!((identity.epoch(), identity.tenures(), identity.needless_launches()), (1, vec![1], 0));
}

#[test]
fn an_election_lock_that_is_deleted_while_held_delays_nobody() {
    election_survives(|lock| fs::remove_file(lock).unwrap());
}

#[test]
fn an_election_lock_that_is_replaced_while_held_delays_nobody() {
    election_survives(|lock| {
        let other = lock.with_file_name("other");
        File::create(&other).unwrap();
        fs::rename(other, lock).unwrap();
    });
}

fn elect(identity: &Identity) -> Option<Box<dyn ElectionGuard>> {
    // The system's election waits for nothing, so it needs no runtime.
    let waker = std::task::Waker::noop();
    let (machine, dir) = (system::machine(), identity.state_dir());
    let mut election = machine.locks.try_elect(&dir, 0);
    match election.as_mut().poll(&mut std::task::Context::from_waker(waker)) {
        std::task::Poll::Ready(elected) => elected.unwrap(),
        std::task::Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn while_one_is_elected_nobody_else_is_in_the_same_process() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    let elected = elect(&identity).expect("nobody else is elected");
    assert!(elect(&identity).is_none(), "two are elected");
    drop(elected);
    assert!(elect(&identity).is_some());
}

#[test]
fn a_lock_on_a_file_that_nobody_can_find_elects_nobody() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    // The library keeps an opened lock for the whole process as long as somebody has it.
    let opened = named_lock::NamedLock::with_path(identity.file("spawn.lock")).unwrap();
    fs::remove_file(identity.file("spawn.lock")).unwrap();
    assert!(elect(&identity).is_none(), "another process could be elected beside it");
    drop(opened);
    assert!(elect(&identity).is_some());
}

#[test]
fn a_lock_on_a_file_that_was_replaced_since_it_was_opened_elects_nobody() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    let path = identity.file("spawn.lock");
    for _ in 0..400 {
        // While this process is elected, the file is replaced, and somebody else is elected by the new one.
        let elected = elect(&identity).expect("nobody else is elected");
        fs::remove_file(&path).unwrap();
        let other = File::create(&path).unwrap();
        rustix::fs::flock(&other, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        let (tries, released) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            // Another thread, in just the instant in which the old lock is let go.
            scope.spawn(|| {
                while !released.load(Ordering::SeqCst) {
                    assert!(elect(&identity).is_none(), "two are elected");
                    tries.fetch_add(1, Ordering::SeqCst);
                }
            });
            while tries.load(Ordering::SeqCst) < 3 {
                std::hint::spin_loop();
            }
            drop(elected);
            released.store(true, Ordering::SeqCst);
        });
        assert!(elect(&identity).is_none(), "two are elected");
        // Not by closing: a process that another test starts just now has a copy.
        rustix::fs::flock(&other, rustix::fs::FlockOperation::Unlock).unwrap();
    }
}

#[test]
fn a_fifo_in_the_place_of_the_election_lock_is_an_error_and_no_endless_wait() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, identity.file("spawn.lock"), 0o600.into()).unwrap();
    let failure = identity.patient_ensure().failure();
    assert_eq!(failure.code, "lock_failed", "{:?}", failure.error);
    assert!(failure.error["message"].as_str().unwrap().contains("spawn.lock"), "{:?}", failure.error);
}
