//! Commands that crash: started again by their worker, held back where they never start, given up at last.

use std::time::{Duration, Instant};

use oneworker_tests::{all_at_once, is_alive, kill, wait_for, wait_until_gone};

use super::{SERVER, child_of, configured, ensure, get, script, supervised};

#[test]
fn a_command_that_is_killed_is_started_again_under_the_same_worker() {
    let identity = configured("[worker]\nrestart = { base = \"1ms\" }\n");
    let server = script(&identity, "server.py", SERVER);
    let (_, mut last) = ensure(&identity, &["python3", &server]).json();
    let worker = last["pid"].clone();
    for _ in 0..4 {
        kill(child_of(&last));
        wait_until_gone(child_of(&last));
        // From here on nobody is sent to it.
        let (status, next) = ensure(&identity, &["python3", &server]).json();
        assert_eq!(status, 0, "{next}");
        assert_ne!(next["child_pid"], last["child_pid"]);
        assert_eq!((&next["pid"], &next["epoch"]), (&worker, &last["epoch"]), "{next}");
        assert!(get(u16::try_from(next["port"].as_u64().unwrap()).unwrap()).is_some());
        last = next;
    }
    assert_eq!(identity.tenures(), [1]);
}

#[test]
fn a_command_that_crashes_too_often_is_given_up_with_a_reason() {
    let identity = configured("[worker]\nrestart = { base = \"1ms\", limit = 2 }\n");
    let server = script(&identity, "server.py", SERVER);
    let crashing = script(
        &identity,
        "crash.sh",
        &format!("python3 {server} & sleep 1; kill $!; echo broken pipes; exit 7"),
    );
    let (status, answer) = ensure(&identity, &["sh", &crashing]).json();
    assert_eq!(status, 0, "{answer}");
    let worker = u32::try_from(answer["pid"].as_u64().unwrap()).unwrap();
    wait_for("the worker to give up", || (!is_alive(worker)).then_some(()));
    let log = identity.log();
    assert!(
        log.contains("exited with status 7; it said last: broken pipes; given up after 2 restarts"),
        "{log}"
    );
}

#[test]
fn a_crash_loop_costs_sessions_milliseconds_and_starts_nothing() {
    let identity = supervised();
    let crashing =
        script(&identity, "crash.sh", "echo started >> starts; echo no such database: mem.db; exit 3");
    let command = ["sh", crashing.as_str()];
    // Until sessions are held back, for long enough to look at it.
    let cooling = wait_for("sessions to be held back", || {
        let failure = ensure(&identity, &command).within("1s").failure();
        (failure.code == "cooling_down" && failure.error["retry_in_ms"].as_u64()? > 3000).then_some(failure)
    });
    let said = cooling.error.to_string();
    assert!(
        said.contains("exited with status 3 before it was ready")
            && said.contains("no such database: mem.db"),
        "{said}"
    );
    let starts = || std::fs::read_to_string(identity.file("starts")).unwrap().lines().count();
    let before = starts();
    let begun = Instant::now();
    let crowd = all_at_once((0..100).map(|_| identity.ensure().within("1s").arg("--").args(command)));
    for session in crowd {
        let failure = session.failure();
        assert_eq!(failure.code, "cooling_down", "{:?}", failure.error);
    }
    // A machine that is busy enough may have used the pause up.
    if begun.elapsed() < Duration::from_secs(3) {
        assert_eq!(starts(), before);
    }
}

#[test]
fn a_start_that_takes_longer_than_its_session_waits_is_no_failure() {
    let identity = supervised();
    let server = script(&identity, "server.py", SERVER);
    let slow = script(&identity, "slow.sh", &format!("sleep 0.6; exec python3 {server}"));
    for epoch in 1..=5 {
        let early = identity.ensure().within("300ms").args(["--", "sh", &slow]).failure();
        assert_eq!(early.code, "starting", "{:?}", early.error);
        let worker = ensure(&identity, &["sh", &slow]).success();
        assert_eq!(worker.epoch, epoch);
        identity.stop();
    }
}

#[test]
fn a_start_that_takes_long_can_be_stopped() {
    let identity = configured("[worker]\nready = { tcp = \"{port}\", within = \"1h\" }\n");
    let early = identity.ensure().within("1s").args(["--", "sleep", "1000"]).failure();
    assert_eq!(early.code, "starting", "{:?}", early.error);
    identity.stop();
    wait_for("nobody to be left", || identity.workers().is_empty().then_some(()));
}

#[test]
fn a_command_that_does_not_answer_is_started_again_and_a_busy_one_is_given_time() {
    let identity = configured(
        "[worker]\nready = { http = \"/\" }\nalive = { http = \"/\", every = \"200ms\", timeout = \"300ms\", failures = 2 }\nrestart = { base = \"1ms\" }\n",
    );
    let server = script(&identity, "server.py", SERVER);
    let (_, first) = ensure(&identity, &["python3", &server]).json();
    oneworker_tests::stop(child_of(&first));
    let next = wait_for("another child", || {
        let (status, next) = ensure(&identity, &["python3", &server]).json();
        (status == 0 && next["child_pid"] != first["child_pid"]).then_some(next)
    });
    assert_eq!(next["pid"], first["pid"]);
    assert!(identity.log().contains("was not well for 2 times in a row"), "{}", identity.log());
    assert!(!is_alive(child_of(&first)));
}
