//! A worker that has ended and was never reaped, as in a container whose first process reaps nobody: its pid is there, and it is dead.

use std::process::{Command, Stdio};

use oneworker_tests::{AT_ONCE, is_alive, kill_and_wait, look, wait_for};
use serde_json::Value;

use crate::identity;

#[test]
fn a_worker_that_nobody_reaps_is_followed_at_once() {
    let identity = identity().hang_limit("10m");
    // Started by hand, it is this test's child, and a zombie as long as this test does not ask for its end.
    let first = identity.command("serve").start();
    identity.wait_until_ready(first.pid());
    kill_and_wait(first.pid());
    assert!(
        std::fs::exists(format!("/proc/{}", first.pid())).unwrap(),
        "it was reaped: this test shows nothing"
    );
    let begun = std::time::Instant::now();
    let next = identity.assert_recovered(1);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert_eq!((next.outcome.as_str(), next.epoch), ("started", 2));
}

#[test]
fn a_launch_whose_process_nobody_reaps_is_not_waited_for() {
    let identity = identity().hang_limit("10m");
    kill_and_wait(identity.patient().pid);
    let mut zombie = Command::new("true").stdin(Stdio::null()).spawn().unwrap();
    wait_for("the end of a process", || (!is_alive(zombie.id())).then_some(()));
    let process = serde_json::to_value(look(zombie.id()).identity).unwrap();
    identity.edit("launch.json", |note| {
        note["process"] = process;
        note["outcome"] = Value::Null;
    });
    assert_eq!(identity.patient().epoch, 2);
    zombie.wait().unwrap();
}
