//! `stop`: the worker in office ends, whatever it does, and nobody else. What does not end by itself is ended.

use oneworker_tests::{
    AT_ONCE, Bystander, Identity, is_alive, look, once_seen, stop, terminate, wait_until_gone,
    wait_until_stopped,
};
use serde_json::Value;

use crate::identity;

/// The deadline of a stop by force. The worker is killed after three quarters of it; the rest is far more than it takes to die.
const FORCED: &str = "16s";

/// `stop`, with these arguments: its exit status and what it says.
fn ask(identity: &Identity, args: &[&str]) -> (i32, Value) {
    identity.command("stop").arg("--json").args(args).json()
}

/// A worker that does not obey is ended by force, and the next session has its successor.
fn force_ends(hang: impl FnOnce(&Identity) -> u32) {
    let identity = identity().hang_limit("10m");
    let worker = hang(&identity);
    let refused = once_seen(&["unresponsive"], || identity.command("stop").arg("--json"));
    assert_eq!(refused.status, 12, "{:?}", refused.error);
    assert!(is_alive(worker), "it was ended without force");
    let (status, said) = ask(&identity, &["--force", "--deadline", FORCED]);
    assert_eq!((status, &said["pid"], &said["forced"]), (0, &worker.into(), &true.into()), "{said}");
    wait_until_gone(worker);
    identity.assert_recovered(1);
}

#[test]
fn a_stopped_worker_is_ended_by_force_and_only_by_force() {
    force_ends(|identity| {
        let worker = identity.patient().pid;
        stop(worker);
        worker
    });
}

#[test]
fn a_worker_whose_event_loop_is_blocked_is_ended_by_force_and_only_by_force() {
    force_ends(|identity| identity.stuck("block"));
}

#[test]
fn a_worker_started_by_hand_is_stopped_whomever_record_and_pid_file_name() {
    let identity = identity();
    let mut bystander = Bystander::start();
    let worker = identity.command("serve").start();
    identity.wait_until_ready(worker.pid());
    stop(worker.pid());
    let stranger = look(bystander.pid()).identity;
    identity.edit("worker.json", |record| {
        record["pid"] = stranger.pid.0.into();
        record["start_time"] = stranger.start_time.0.into();
    });
    std::fs::write(identity.file("worker.pid"), format!("{}\n", stranger.pid)).unwrap();
    let (status, said) = ask(&identity, &["--force", "--deadline", FORCED]);
    assert_eq!((status, &said["pid"]), (0, &worker.pid().into()), "{said}");
    bystander.assert_untouched();
    let (output, _) = worker.output();
    assert_eq!(output.status.code(), None, "it was not ended by a signal");
}

#[test]
fn a_worker_that_hangs_in_its_stop_is_ended_by_its_watchdog() {
    // Nothing to drain: what is left of the stop's budget is short.
    let identity = identity().env("ONEWORKER_DRAIN", "0");
    let worker = identity.ensure_failing("end.begin=block").patiently().success();
    terminate(worker.pid);
    wait_until_gone(worker.pid);
    assert!(identity.log().contains("the stop is not over after"), "{}", identity.log());
    identity.assert_recovered(1);
}

#[test]
fn a_worker_that_is_stopped_in_its_stop_is_replaced() {
    let identity = identity().hang_limit("2s");
    let worker = identity.ensure_failing("end.begin=stop").patiently().success();
    terminate(worker.pid);
    wait_until_stopped(worker.pid);
    identity.assert_recovered(1);
    assert!(!is_alive(worker.pid));
}

#[test]
fn a_worker_that_panics_in_office_ends_and_does_not_serve_on_half_alive() {
    let identity = identity();
    // Each of them dies of its session's first question, as often as is free.
    let failure = identity.failing("answer=panic");
    assert_eq!((failure.code.as_str(), &failure.error["attempts"]), ("cooling_down", &3.into()));
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    assert_eq!((identity.workers(), identity.tenures()), (vec![], vec![1, 2, 3]));
    assert!(identity.log().contains("failpoint answer"), "{}", identity.log());
}
