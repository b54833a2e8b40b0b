//! The worker dies on its way into office or in it: whoever waits for it learns at once how, and the next session has the next one.

use oneworker_tests::{AT_ONCE, Gate, Running, agreed, kill, kill_and_wait, wait_for};

use crate::identity;

/// The caller learns at once how the worker died; the next one gets a worker.
fn killed_at(point: &str) {
    let identity = identity();
    let failure = identity.failing(format!("{point}=kill"));
    assert_eq!(failure.code, "launch_failed", "{:?}", failure.error);
    assert_eq!(failure.error["signal"], 9);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    let epoch = identity.epoch();
    identity.assert_recovered(epoch);
}

each! { killed_at:
    fn a_worker_killed_before_it_does_anything_is_reported_and_followed = "serve.start";
    fn a_worker_killed_before_its_claim_is_reported_and_followed = "claim.before";
    fn a_worker_killed_when_it_has_the_lock_is_reported_and_followed = "claim.locked";
    fn a_worker_killed_after_its_first_record_is_reported_and_followed = "claim.recorded";
    fn a_worker_killed_after_it_drew_its_epoch_is_reported_and_followed = "claim.epoch";
    fn a_worker_killed_before_it_binds_is_reported_and_followed = "bind.before";
    fn a_worker_killed_after_it_bound_is_reported_and_followed = "bind.after";
    fn a_worker_killed_after_it_wrote_its_secrets_is_reported_and_followed = "ready.secrets";
    fn a_worker_killed_after_its_record_says_ready_is_reported_and_followed = "ready.record";
}

#[test]
fn a_worker_that_always_dies_right_after_its_readiness_report_is_not_started_for_ever() {
    let identity = identity();
    let failure = identity.failing("ready.reported=kill");
    // Each report is followed by a probe that finds nobody, so the same session tries again, as often as is free.
    assert_eq!(failure.code, "cooling_down", "{:?}", failure.error);
    assert_eq!(failure.error["attempts"], 3);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    assert_eq!(identity.epoch(), 3);
    let worker = wait_for("the end of the backoff", || {
        let output = identity.patient_ensure().output();
        output.status.success().then(|| identity.patient())
    });
    assert_eq!(worker.epoch, 4);
    identity.wait_until_alone(worker.pid);
}

#[test]
fn a_worker_killed_in_office_is_followed_by_the_next_epoch() {
    let identity = identity();
    let first = identity.patient();
    kill_and_wait(first.pid);
    let next = identity.assert_recovered(1);
    assert_eq!((next.outcome.as_str(), next.epoch), ("started", 2));
    assert_ne!(next.pid, first.pid);
}

#[test]
fn sessions_that_meet_a_worker_killed_a_moment_ago_all_get_its_one_successor() {
    let identity = identity();
    let first = identity.patient();
    let gate = Gate::closed();
    let sessions: Vec<_> = (0..20).map(|_| identity.patient_ensure().start_behind(&gate)).collect();
    kill(first.pid);
    gate.open();
    let answers: Vec<_> = sessions.into_iter().map(Running::success).collect();
    // A session may have had its answer in the instant before the death; none after.
    let after: Vec<_> = answers.into_iter().filter(|answer| answer.epoch > 1).collect();
    assert_eq!(agreed(&after).epoch, 2);
    identity.wait_until_alone(after[0].pid);
}

#[test]
fn a_worker_that_exits_at_its_start_is_reported_with_status_and_log_at_once() {
    let identity = identity();
    let failure = identity.failing("serve.start=exit:7");
    assert_eq!((failure.code.as_str(), failure.status), ("launch_failed", 32));
    assert_eq!(failure.error["exit_status"], 7);
    assert!(failure.error["log_tail"].is_string());
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
}

#[test]
fn the_end_of_a_dead_workers_log_is_in_the_error() {
    let identity = identity();
    let failure = identity.failing("bind.before=panic");
    assert_eq!(failure.code, "launch_failed");
    let tail = failure.error["log_tail"].as_str().unwrap();
    assert!(tail.contains("failpoint bind.before"), "{tail}");
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
}
