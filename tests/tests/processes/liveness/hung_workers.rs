//! A worker that is stopped, or whose event loop is stuck, is replaced: after the hang limit, however short the sessions' deadlines, and not before.

use std::time::{Duration, Instant};

use oneworker_tests::{AT_ONCE, agreed, go_on, is_alive, stop};

use crate::identity;

#[test]
fn a_stopped_worker_is_replaced_after_the_hang_limit_and_all_sessions_get_the_new_one() {
    let identity = identity().hang_limit("1s");
    let first = identity.patient();
    stop(first.pid);
    let begun = Instant::now();
    let answers = identity.patient_crowd(8);
    assert!(begun.elapsed() >= Duration::from_secs(1), "it was replaced before its time");
    let next = agreed(&answers);
    assert_eq!((next.epoch, identity.epoch()), (2, 2));
    assert_eq!(answers.iter().filter(|answer| answer.outcome == "replaced").count(), 1);
    assert!(!is_alive(first.pid), "the old worker lives");
    identity.wait_until_alone(next.pid);
}

#[test]
fn a_hang_limit_beyond_every_deadline_is_reached_by_several_sessions_together() {
    let identity = identity().hang_limit("5s");
    let first = identity.patient();
    stop(first.pid);
    let mut silent_for = Vec::new();
    let replaced = loop {
        let (status, json) = identity.ensure().within("1s").json();
        if status == 0 {
            break json;
        }
        // A loaded machine may not get the new one ready within what is left of the second.
        match json["error"]["code"].as_str().unwrap() {
            "unresponsive" => {
                assert_eq!(json["error"]["activity"], "stopped");
                silent_for.push(json["error"]["silent_for_ms"].as_u64().unwrap());
            }
            other => assert!(matches!(other, "starting" | "timed_out"), "{json}"),
        }
        assert!(silent_for.len() < 500, "never replaced: {silent_for:?}");
    };
    assert!(silent_for.len() >= 2, "replaced too soon: {silent_for:?}");
    assert!(silent_for.is_sorted() && silent_for.iter().all(|ms| *ms < 5000), "{silent_for:?}");
    assert_eq!(replaced["epoch"], 2);
    assert!(!is_alive(first.pid));
}

#[test]
fn a_proof_in_between_makes_a_suspicion_void() {
    // Three suspicions are longer than the limit, and one is far from it.
    let identity = identity().hang_limit("10s");
    let worker = identity.patient();
    for _ in 0..3 {
        stop(worker.pid);
        let failure = identity.ensure().within("4s").failure();
        assert_eq!(failure.code, "unresponsive", "{:?}", failure.error);
        go_on(worker.pid);
        let well = identity.patient();
        assert_eq!((well.pid, well.epoch), (worker.pid, 1), "replaced although it was well in between");
        assert!(!identity.file("suspect.json").exists());
    }
}

#[test]
fn a_worker_whose_event_loop_is_blocked_is_replaced_by_a_session() {
    let identity = identity().hang_limit("1s");
    let old = identity.stuck("block");
    let begun = Instant::now();
    let worker = identity.assert_recovered(1);
    assert_eq!(worker.outcome, "replaced");
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(!is_alive(old));
}

#[test]
fn a_worker_whose_event_loop_spins_ends_itself() {
    // No session would replace it: it is busy, and would have an hour.
    let identity = identity().flag("--hang-limit", "10m").env("ONEWORKER_WATCHDOG", "1s");
    let old = identity.stuck("spin");
    let begun = Instant::now();
    let worker = identity.assert_recovered(1);
    assert_ne!(worker.pid, old);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(identity.log().contains("the event loop has not answered"), "{}", identity.log());
}
