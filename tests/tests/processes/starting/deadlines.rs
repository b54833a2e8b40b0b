//! Whatever hangs: a call ends by its deadline, with one error that says what was slow. Waits do not add up.

use oneworker_tests::{
    AT_ONCE, Identity, Squatter, all_at_once, free_port, kill_and_wait, once_seen, stop, wait_until_stopped,
};

use crate::identity;

/// The deadline of the calls that are looked at. What they may take on top, on a loaded machine, is [`AT_ONCE`], and far from the hour in which
/// a worker that hangs would be replaced. The simulated machine shows it to the millisecond.
const DEADLINE: &str = "1s";
const HANG_LIMIT: &str = "1h";

/// Sessions, `status` and `stop` all end in time, with one of these errors: those who wait for the elected session can say no more than that.
fn all_end_in_time(identity: &Identity, codes: &[&str]) {
    for session in all_at_once((0..4).map(|_| identity.ensure().within(DEADLINE))) {
        let failure = session.failure();
        // On a loaded machine its time may be up while it still waits for another session.
        assert!(failure.code == "timed_out" || codes.contains(&failure.code.as_str()), "{:?}", failure.error);
        assert!(failure.took < AT_ONCE, "{:?}: {:?}", failure.took, failure.error);
    }
    for command in ["status", "stop"] {
        let (_, took) = identity.command(command).arg("--json").within(DEADLINE).start().output();
        assert!(took < AT_ONCE, "{command}: {took:?}");
    }
}

/// A worker that stops on its way into office.
fn stopped_at(point: &str) {
    let identity = identity().hang_limit(HANG_LIMIT);
    let first = once_seen(&["starting"], || identity.ensure_failing(format!("{point}=stop")));
    assert!(first.took < AT_ONCE, "{:?}", first.took);
    wait_until_stopped(identity.only_worker());
    all_end_in_time(&identity, &["starting", "unresponsive", "timed_out"]);
}

each! { stopped_at:
    fn a_worker_that_hangs_before_its_claim_keeps_nobody_beyond_the_deadline = "claim.before";
    fn a_worker_that_hangs_with_the_lock_in_its_hands_keeps_nobody_beyond_the_deadline = "claim.locked";
    fn a_worker_that_hangs_before_it_is_ready_keeps_nobody_beyond_the_deadline = "ready.secrets";
}

#[test]
fn a_worker_that_hangs_in_office_keeps_nobody_beyond_the_deadline() {
    let identity = identity().hang_limit(HANG_LIMIT);
    stop(identity.patient().pid);
    all_end_in_time(&identity, &["unresponsive", "timed_out"]);
}

#[test]
fn whoever_answers_without_end_in_a_stopped_workers_place_keeps_nobody_beyond_the_deadline() {
    let identity = identity().hang_limit(HANG_LIMIT);
    let worker = identity.patient();
    stop(worker.pid);
    let squatter = Squatter::endless(free_port());
    let there = format!("127.0.0.1:{}", squatter.port());
    identity.edit("worker.json", |record| record["address"] = there.into());
    all_end_in_time(&identity, &["unresponsive", "foreign", "timed_out"]);
    kill_and_wait(worker.pid);
    assert_eq!(identity.patient().epoch, 2);
}
