//! A version that fails again and again is not started any more, and what served before is.

use oneworker_tests::{Identity, Success, kill_and_wait};

use crate::identity;

const BAD: &str = "claim.epoch=exit:3";

fn version(identity: &Identity) -> String {
    identity.record().unwrap()["version"].as_str().unwrap().to_owned()
}

/// A worker of 1.0.0 in office, and three hand-overs to 1.1.0 that came to nothing.
fn with_a_bad_version() -> (Identity, [std::path::PathBuf; 2], Success) {
    let identity = identity().without_backoff();
    let installs = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    let mut first = identity.newest_of(&installs[0]).success();
    for _ in 0..3 {
        // It fails after it took office, so that the old worker is gone as well.
        identity.newest_of(&installs[1]).env("ONEWORKER_FAILPOINTS", BAD).output();
        first = identity.ensure_of(&installs[0]).success();
        assert_eq!(version(&identity), "1.0.0");
    }
    (identity, installs, first)
}

#[test]
fn sessions_of_a_bad_version_get_what_runs_and_learn_why() {
    let (identity, [_, new], worker) = with_a_bad_version();
    let answer = identity.newest_of(&new).success();
    assert_eq!((answer.pid, answer.outcome.as_str()), (worker.pid, "reused"));
    let warning = &answer.warnings[0];
    assert!(warning.contains("not replaced by 1.1.0: it has failed 3 times"), "{warning}");
    assert!(warning.contains("exited with status 3"), "{warning}");
}

#[test]
fn where_nothing_runs_a_session_of_a_bad_version_starts_what_served_before() {
    let (identity, [old, new], worker) = with_a_bad_version();
    kill_and_wait(worker.pid);
    let answer = identity.newest_of(&new).success();
    assert_eq!((answer.outcome.as_str(), version(&identity).as_str()), ("started", "1.0.0"));
    assert!(answer.warnings[0].contains("version 1.1.0 is not started, but 1.0.0"), "{answer:?}");

    kill_and_wait(answer.pid);
    std::fs::remove_file(old).unwrap();
    let failure = identity.newest_of(&new).failure();
    assert_eq!(failure.code, "cooling_down");
    let error = failure.error["last_error"].as_str().unwrap();
    assert!(error.contains("version 1.1.0 is bad") && error.contains("served before is gone"), "{error}");
}

#[test]
fn a_successor_that_dies_within_its_probation_has_failed_and_one_that_was_stopped_has_not() {
    for (dies, bad) in [(true, true), (false, false)] {
        let identity = identity().without_backoff().env("ONEWORKER_UPGRADE_FAILURES", "0");
        let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
        identity.newest_of(&old).success();
        let worker = identity.newest_of(&new).success();
        if dies {
            kill_and_wait(worker.pid);
        } else {
            identity.stop();
        }
        let next = identity.newest_of(&new).success();
        assert_eq!(version(&identity), if bad { "1.0.0" } else { "1.1.0" }, "{next:?}");
    }
}
