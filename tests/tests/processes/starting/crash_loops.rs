//! A worker that can not start is not started for ever: failures hold back the launches of all sessions together, for a while.

use oneworker_tests::{AT_ONCE, all_at_once, wait_for};

use crate::identity;

#[test]
fn a_crash_loop_is_held_back_for_all_sessions_together() {
    let identity = identity().env("ONEWORKER_BACKOFF_BASE", "10m").env("ONEWORKER_BACKOFF_MAX", "1h");
    for _ in 0..3 {
        assert_eq!(identity.failing("claim.epoch=exit:7").code, "launch_failed");
    }
    for session in all_at_once((0..20).map(|_| identity.patient_ensure())) {
        let failure = session.failure();
        assert_eq!(failure.code, "cooling_down", "{:?}", failure.error);
        let retry = failure.error["retry_in_ms"].as_u64().unwrap();
        assert!((1..=600_000).contains(&retry), "{retry}");
        assert_eq!(failure.error["attempts"], 3);
        assert!(failure.error["last_error"].as_str().unwrap().contains("status 7"), "{:?}", failure.error);
        assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    }
    // None of them had the failpoint: had one been launched, it would serve.
    assert_eq!((identity.workers(), identity.epoch()), (vec![], 3), "something was launched for them");
}

#[test]
fn a_cooling_down_ends_by_itself() {
    let identity = identity().env("ONEWORKER_BACKOFF_FREE", "0").env("ONEWORKER_BACKOFF_BASE", "300ms");
    assert_eq!(identity.failing("serve.start=exit:7").code, "launch_failed");
    let worker = wait_for("the end of the backoff", || {
        let output = identity.patient_ensure().output();
        if output.status.success() {
            return Some(identity.patient());
        }
        assert_eq!(output.status.code(), Some(30), "{}", String::from_utf8_lossy(&output.stdout));
        None
    });
    assert_eq!(worker.epoch, 1);
}
