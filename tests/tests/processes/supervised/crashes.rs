//! Commands that crash: started again by their worker, held back where they never start, given up at last.

use oneworker_tests::{AT_ONCE, all_at_once, is_alive, kill, once_seen, wait_for, wait_until_gone};

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
    // Once sessions are held back, they are for as long as this test looks at it.
    let identity = supervised().env("ONEWORKER_BACKOFF_BASE", "30m").env("ONEWORKER_BACKOFF_MAX", "1h");
    let crashing =
        script(&identity, "crash.sh", "echo started >> starts; echo no such database: mem.db; exit 3");
    let command = ["sh", crashing.as_str()];
    let cooling = wait_for("sessions to be held back", || {
        let failure = ensure(&identity, &command).failure();
        (failure.code == "cooling_down").then_some(failure)
    });
    let said = cooling.error.to_string();
    assert!(
        said.contains("exited with status 3 before it was ready")
            && said.contains("no such database: mem.db"),
        "{said}"
    );
    let starts = || std::fs::read_to_string(identity.file("starts")).unwrap().lines().count();
    let before = starts();
    let crowd = all_at_once((0..100).map(|_| ensure(&identity, &command)));
    for session in crowd {
        let failure = session.failure();
        assert_eq!(failure.code, "cooling_down", "{:?}", failure.error);
        assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    }
    assert_eq!(starts(), before);
}

#[test]
fn a_start_that_takes_longer_than_its_session_waits_is_no_failure() {
    let identity = supervised();
    let server = script(&identity, "server.py", SERVER);
    let go = identity.scratch().join("go");
    let waits = format!("while [ ! -e {} ]; do sleep 0.05; done; exec python3 {server}", go.display());
    let slow = script(&identity, "slow.sh", &waits);
    for epoch in 1..=5 {
        once_seen(&["starting"], || identity.ensure().args(["--", "sh", &slow]));
        std::fs::write(&go, "").unwrap();
        let worker = ensure(&identity, &["sh", &slow]).success();
        assert_eq!(worker.epoch, epoch);
        identity.stop();
        std::fs::remove_file(&go).unwrap();
    }
}

#[test]
fn a_start_that_takes_long_can_be_stopped() {
    let identity = configured("[worker]\nready = { tcp = \"{port}\", within = \"1h\" }\n");
    once_seen(&["starting"], || identity.ensure().args(["--", "sleep", "1000"]));
    identity.stop();
    wait_for("nobody to be left", || identity.workers().is_empty().then_some(()));
}

#[test]
fn a_command_that_does_not_answer_is_started_again_and_a_busy_one_is_given_time() {
    let identity = configured(
        "[worker]\nready = { http = \"/\" }\nalive = { http = \"/\", every = \"200ms\", timeout = \"3s\", failures = 2 }\nrestart = { base = \"1ms\" }\n",
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
