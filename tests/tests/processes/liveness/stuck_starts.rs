//! A worker that never gets ready: it is alive, and perhaps in office, and serves nobody. It gets longer than one that served, and then it is
//! replaced.

use std::time::{Duration, Instant};

use oneworker_tests::{AT_ONCE, is_alive, once_seen};

use crate::identity;

const HANG_LIMIT: Duration = Duration::from_secs(1);

/// Of its own accord it would stay at this point for ever: no watchdog ends it. It is replaced after so many hang limits.
fn stuck_at((point, patience): (&str, u32)) {
    let identity = identity().hang_limit("1s");
    let begun = Instant::now();
    // The session that launches it waits for it, and does not judge it.
    once_seen(&["starting"], || identity.ensure_failing(format!("{point}=block")));
    let stuck = identity.only_worker();
    // The second one's is the first epoch if the first worker did not come to drawing one.
    let before = identity.epoch();
    let worker = identity.assert_recovered(before);
    assert_ne!(worker.pid, stuck);
    assert!(!is_alive(stuck), "it is still there");
    let took = begun.elapsed();
    assert!(took >= patience * HANG_LIMIT, "it was replaced before its time: {took:?}");
}

// A slow start is no hang, and gets six times as long; but of who has not come to say that it is starting, nobody can tell.
each! { stuck_at:
    fn a_worker_that_never_comes_to_its_claim_is_ended_and_another_one_launched = ("claim.before", 6);
    fn a_worker_that_is_stuck_with_nothing_but_the_lock_is_replaced = ("claim.locked", 1);
    fn a_worker_that_is_stuck_before_it_has_an_epoch_is_replaced = ("claim.recorded", 6);
    fn a_worker_that_is_stuck_before_it_listens_is_replaced = ("bind.before", 6);
    fn a_worker_that_listens_and_never_gets_ready_is_replaced = ("ready.secrets", 6);
}

#[test]
fn a_worker_that_is_stuck_on_its_way_to_readiness_ends_itself() {
    let identity = identity().flag("--hang-limit", "10m").env("ONEWORKER_WATCHDOG", "1s");
    let begun = Instant::now();
    let failure = identity.failing("bind.before=block");
    assert_eq!(failure.code, "launch_failed", "{:?}", failure.error);
    assert!(
        failure.error["log_tail"].as_str().unwrap().contains("the event loop has not answered"),
        "{:?}",
        failure.error
    );
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    identity.assert_recovered(1);
}
