//! The library in a process that lives for long: thousands of calls, with workers dying all the while, leave nothing behind in it.
//!
//! One test only: it counts what belongs to the whole process.

// All of this is test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use coordinator::{Backoff, EnsureRequest, LaunchCommand, Worker, WorkerId, blocking, ensure_single_worker};
use oneworker_tests::{Identity, children_of, kill, wait_for, wait_until_gone};

const BINARY: &str = env!("CARGO_BIN_EXE_oneworker-under-test");
const CALLS: u32 = 10_000;
/// A worker is killed so often.
const KILL_EVERY: u32 = 250;

fn entries(dir: &str) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

fn threads() -> usize {
    entries("/proc/self/task")
}

fn descriptors() -> usize {
    entries("/proc/self/fd")
}

fn request(identity: &Identity) -> EnsureRequest {
    let state_dir = identity.state_dir();
    let args = ["serve", "--no-config", "--port", "auto", "--state-dir", state_dir.to_str().unwrap()];
    // Every one of these workers dies young; that is not what is tested here.
    let backoff = Backoff { base: Duration::ZERO, ..Backoff::default() };
    let id = WorkerId::builder().port("auto").state_dir(&state_dir).build().unwrap();
    let request = EnsureRequest::builder(id, LaunchCommand::new(identity.binary(), args));
    request.deadline(Duration::from_secs(600)).backoff(backoff).build().unwrap()
}

/// Calls, and kills the worker now and then. Returns the epochs seen.
fn calls(n: u32, mut ensure: impl FnMut() -> Worker) -> Vec<u64> {
    let mut epochs = Vec::new();
    for call in 1..=n {
        let worker = ensure();
        epochs.push(worker.epoch.0);
        if call % KILL_EVERY == 0 {
            kill(worker.pid.0);
            wait_until_gone(worker.pid.0);
        }
    }
    epochs
}

#[test]
fn ten_thousand_calls_leave_no_child_thread_or_descriptor_behind() {
    let identity = Identity::new(BINARY);
    let request = request(&identity);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        // Threads for blocking calls are to be gone by the time they are counted.
        .thread_keep_alive(Duration::from_millis(50))
        .build()
        .unwrap();
    let in_turn = |n: u32| {
        let mut epochs = calls(n / 2, || blocking::ensure_single_worker(&request).unwrap());
        epochs.extend(calls(n / 2, || runtime.block_on(ensure_single_worker(&request)).unwrap()));
        epochs
    };

    // What is made once and kept is made now.
    in_turn(2 * KILL_EVERY);
    let settled = |what: &str, count: fn() -> usize, at_most: usize| {
        wait_for(&format!("at most {at_most} {what}"), || Some(count()).filter(|now| *now <= at_most))
    };
    let (threads_before, descriptors_before) = (threads(), descriptors());
    let epochs = in_turn(CALLS);

    assert!(epochs.is_sorted(), "an epoch went back");
    assert_eq!(
        epochs.last().unwrap() - epochs[0] + 1,
        u64::from(CALLS / KILL_EVERY),
        "one tenure for each death"
    );
    assert_eq!(children_of(std::process::id()), [0; 0], "children or zombies");
    settled("threads", threads, threads_before);
    settled("descriptors", descriptors, descriptors_before);
}
