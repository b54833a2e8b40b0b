//! The machine sleeps, a container is frozen, or everything is stopped for a while: time in which nobody ran is held against nobody.

use std::time::Duration;

use oneworker_tests::{cpu_time, go_on, stop, wait_for};
use serde_json::Value;

use crate::identity;

#[test]
fn a_session_that_slept_does_not_hold_the_time_against_the_worker_that_it_was_watching() {
    // Far longer than a session needs to suspect the worker, and shorter than it sleeps.
    let identity = identity().hang_limit("10s");
    let worker = identity.patient();
    let suspicion = || -> Option<Value> {
        serde_json::from_slice(&std::fs::read(identity.file("watched.json")).ok()?).ok()
    };
    stop(worker.pid);
    let session = identity.patient_ensure().start();
    wait_for("the session to suspect the worker", suspicion);
    stop(session.pid());
    let before = suspicion().expect("what it has noted");
    std::thread::sleep(Duration::from_secs(12));
    go_on(session.pid());
    // It looks at the clock, and counts.
    let after =
        wait_for("the session to go on", || suspicion().filter(|now| now["attempts"] != before["attempts"]));
    go_on(worker.pid);
    let more = |what: &str| after[what].as_u64().unwrap() - before[what].as_u64().unwrap();
    // A probe is given so much time at most, and no more counts of it.
    assert!(more("watched_ms") <= 1500 * more("attempts"), "the sleep was counted: {before} {after}");
    let answer = session.success();
    assert_eq!((answer.pid, answer.epoch), (worker.pid, 1), "it was replaced");
}

#[test]
fn a_worker_that_slept_past_its_watchdogs_limit_goes_on_and_rests() {
    let identity = identity().flag("--hang-limit", "10m").env("ONEWORKER_WATCHDOG", "2s");
    let worker = identity.patient();
    for _ in 0..2 {
        stop(worker.pid);
        std::thread::sleep(Duration::from_secs(5));
        go_on(worker.pid);
        assert_eq!(identity.patient().pid, worker.pid);
    }
    let before = cpu_time(worker.pid);
    // The pace is what is tested. A loaded machine gives it less of the CPU, and never more.
    std::thread::sleep(Duration::from_secs(1));
    let used = cpu_time(worker.pid) - before;
    assert!(used < Duration::from_millis(200), "an idle worker used {used:?} of a second");
    assert_eq!((identity.patient().pid, identity.tenures()), (worker.pid, vec![1]));
}
