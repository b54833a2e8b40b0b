//! Installs in several versions on one machine: the newest takes over once, and nobody notices.

use std::collections::BTreeMap;
use std::path::Path;

use oneworker_tests::{Draw, Identity, Success, all_at_once, is_alive, once_seen, wait_for, wait_until_gone};
use serde_json::Value;

use crate::identity;

/// Which version is in office, by its record.
fn in_office(identity: &Identity) -> String {
    identity.record().unwrap()["version"].as_str().unwrap().to_owned()
}

#[test]
fn a_newer_session_has_the_worker_hand_over_and_an_older_one_takes_the_newer_worker() {
    let identity = identity();
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    let first = identity.newest_of(&old).success();
    assert_eq!(
        identity.ensure_of(&new).success().pid,
        first.pid,
        "whoever does not ask for an upgrade reuses"
    );

    let (status, answer) = identity.newest_of(&new).json();
    assert_eq!(
        (status, &answer["outcome"], &answer["epoch"]),
        (0, &"replaced".into(), &2.into()),
        "{answer}"
    );
    assert_eq!(answer["version"], "1.1.0");
    assert!(answer["why"].as_str().unwrap().contains("version 1.0.0) has handed over"), "{answer}");
    wait_until_gone(first.pid);

    let second = identity.newest_of(&old).success();
    assert_eq!((second.epoch, second.outcome.as_str()), (2, "reused"));
    assert_eq!(in_office(&identity), "1.1.0");
    assert!(!identity.file("successor.json").exists());
    identity.wait_until_alone(second.pid);
}

#[test]
fn the_same_version_from_another_path_and_another_build_of_it_are_the_same() {
    let identity = identity();
    let [one, other] = ["1.0.0", "1.0.0+other.build"].map(|version| identity.install(version));
    let first = identity.newest_of(&one).success();
    for policy in ["newest", "exact"] {
        let answer = identity.ensure_of(&other).args(["--upgrade", policy]).success();
        assert_eq!((answer.pid, answer.outcome.as_str()), (first.pid, "reused"), "{policy}");
    }
}

#[test]
fn exact_replaces_a_newer_worker_too_but_does_not_go_to_and_fro() {
    let identity = identity();
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    let exact = |install: &Path| identity.ensure_of(install).args(["--upgrade", "exact"]).success();
    exact(&new);
    let back = exact(&old);
    assert_eq!((back.outcome.as_str(), in_office(&identity).as_str()), ("replaced", "1.0.0"));
    for _ in 0..3 {
        let kept = exact(&new);
        assert_eq!((kept.pid, kept.outcome.as_str()), (back.pid, "reused"));
        assert!(kept.warnings[0].contains("is not replaced by 1.1.0"), "{kept:?}");
        assert_eq!(exact(&old).pid, back.pid);
    }
}

#[test]
fn a_limit_of_hand_overs_an_hour_is_kept_and_said() {
    let identity = identity().env("ONEWORKER_UPGRADE_PER_HOUR", "2");
    let installs: Vec<_> = (0..4).map(|n| identity.install(&format!("1.0.{n}"))).collect();
    let answers: Vec<_> = installs.iter().map(|install| identity.newest_of(install).success()).collect();
    assert_eq!(answers.iter().map(|answer| answer.epoch).collect::<Vec<_>>(), [1, 2, 3, 3]);
    assert!(answers[3].warnings[0].contains("2 hand-overs within an hour"), "{:?}", answers[3]);
}

/// What the history and the log of a storm must show.
fn check_storm(identity: &Identity, answers: &[Success], versions: usize) {
    let highest = format!("1.0.{}", versions - 1);
    assert_eq!(in_office(identity), highest);
    let mut begun: BTreeMap<String, usize> = BTreeMap::new();
    for line in identity.log().lines().filter(|line| line.contains("in office for")) {
        let version = line.split("version=").nth(1).unwrap().split_whitespace().next().unwrap();
        *begun.entry(version.to_owned()).or_default() += 1;
    }
    assert!(begun.values().all(|times| *times == 1), "a version was started twice: {begun:?}");
    let replaced = answers.iter().filter(|answer| answer.outcome == "replaced").count();
    assert!(replaced < versions, "{replaced} hand-overs of {versions} versions");
    assert_eq!(begun.len(), replaced + 1, "{begun:?}");
}

/// `UPGRADE_ROUNDS` storms of 100 sessions of five versions; without it one of 40.
#[test]
fn a_storm_of_sessions_in_several_versions_comes_to_the_newest_with_one_hand_over_for_each_at_most() {
    let rounds: Option<u32> = std::env::var("UPGRADE_ROUNDS").ok().map(|rounds| rounds.parse().unwrap());
    let mut draw = Draw::of_variable("UPGRADE_SEED");
    let (sessions, versions) = (if rounds.is_some() { 100 } else { 40 }, 5);
    for round in 0..rounds.unwrap_or(1) {
        let identity = identity();
        let installs: Vec<_> = (0..versions).map(|n| identity.install(&format!("1.0.{n}"))).collect();
        let order: Vec<usize> = (0..sessions).map(|_| draw.below(versions as u64) as usize).collect();
        eprintln!("round {round}: versions {order:?}");
        let crowd = all_at_once(order.iter().map(|n| identity.newest_of(&installs[*n])));
        let answers: Vec<_> = crowd.into_iter().map(oneworker_tests::Running::success).collect();
        check_storm(&identity, &answers, versions);
    }
}

/// The successor ends at this point. Whatever that does to the old worker, the session has one, and so has the next.
fn a_successor_dies(point: &str) {
    let identity = identity();
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    let first = identity.newest_of(&old).success();
    let answer = identity.newest_of(&new).env("ONEWORKER_FAILPOINTS", format!("{point}=kill"));
    // One that dies after it has taken office takes the launch's error with it.
    let (_, said) = answer.json();
    let next = identity.ensure_of(&old).success();
    assert!(is_alive(next.pid), "{said}");
    identity.wait_until_alone(next.pid);
    let before_office = point.starts_with("succeed.st") || point == "succeed.proved";
    if before_office {
        assert_eq!((next.pid, next.epoch), (first.pid, 1), "the old worker noticed: {said}");
        assert!(said["warnings"][0].as_str().unwrap().contains("its successor failed"), "{said}");
    }
}

each! { a_successor_dies:
    fn a_successor_that_dies_at_once_is_not_noticed_by_the_old_worker = "succeed.start";
    fn a_successor_that_dies_before_it_asks_is_not_noticed_by_the_old_worker = "succeed.proved";
    fn a_successor_that_dies_once_it_was_promised_office_leaves_a_worker_behind = "succeed.agreed";
    fn a_successor_that_dies_with_the_lock_leaves_it_to_the_next = "succeed.locked";
    fn a_successor_that_dies_with_its_first_record_leaves_office_to_the_next = "claim.recorded";
    fn a_successor_that_dies_with_its_epoch_leaves_office_to_the_next = "claim.epoch";
    fn a_successor_that_dies_before_it_binds_leaves_office_to_the_next = "bind.before";
    fn a_successor_that_dies_before_it_is_ready_leaves_office_to_the_next = "ready.record";
}

/// The session that was elected ends at this point of a hand-over: the next one sees it to its end.
fn its_session_dies(point: &str) {
    let identity = identity();
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    identity.newest_of(&old).success();
    identity.newest_of(&new).env("ONEWORKER_FAILPOINTS", format!("{point}=kill")).output();
    let worker = wait_for("the newer version in office", || {
        let worker = identity.newest_of(&new).success();
        (in_office(&identity) == "1.1.0").then_some(worker)
    });
    assert_eq!(worker.epoch, 2, "more than one hand-over");
    identity.wait_until_alone(worker.pid);
}

each! { its_session_dies:
    fn a_hand_over_that_was_only_noted_is_begun_again = "hand_over.noted";
    fn a_hand_over_whose_session_dies_after_the_launch_comes_to_its_end = "hand_over.spawned";
    fn a_hand_over_whose_session_dies_after_it_noted_the_launch_comes_to_its_end = "hand_over.launched";
    fn a_hand_over_whose_session_dies_at_its_end_is_over = "hand_over.ready";
}

/// The old worker ends at this point: its successor takes office, or the next worker does.
fn the_old_worker_dies(point: &str) {
    let identity = identity();
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    let first = identity.newest_of(&old).env("ONEWORKER_FAILPOINTS", format!("{point}=kill")).success();
    let worker = identity.newest_of(&new).success();
    wait_until_gone(first.pid);
    assert_eq!((worker.epoch, in_office(&identity).as_str()), (2, "1.1.0"));
    identity.wait_until_alone(worker.pid);
}

each! { the_old_worker_dies:
    fn an_old_worker_that_dies_when_it_is_asked_is_followed_by_the_new_one = "hand_over.asked";
    fn an_old_worker_that_dies_once_it_has_agreed_is_followed_by_its_successor = "hand_over.agreed";
    fn an_old_worker_that_dies_in_its_drain_is_followed_by_its_successor = "hand_over.draining";
    fn an_old_worker_that_dies_once_it_has_passed_its_socket_is_followed_by_its_successor = "hand_over.passed";
    fn an_old_worker_that_dies_at_its_end_is_followed_by_its_successor = "end.begin";
}

#[test]
fn while_office_is_kept_for_a_successor_nobody_else_takes_it() {
    let identity = identity();
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    let first = identity.newest_of(&old).success();
    let late = identity.newest_of(&new).env("ONEWORKER_FAILPOINTS", "succeed.agreed=stop").start();
    let successor = kept_for(&identity);
    wait_for("the old worker to have left", || {
        (identity.record().unwrap()["state"] == "stopped").then_some(())
    });
    // The office is vacant, and kept: neither a session's worker nor one that was started by hand gets it.
    let waits = once_seen(&["starting"], || identity.command_of(&old, "ensure").arg("--json"));
    assert_eq!(waits.error["pid"], successor, "{waits:?}");
    let (status, by_hand) = identity.command_of(&old, "serve").arg("--json").json();
    assert_eq!(
        (status, &by_hand["outcome"], &by_hand["pid"]),
        (0, &"already_running".into(), &successor.into())
    );
    oneworker_tests::go_on(successor);
    let worker = late.success();
    assert_eq!((worker.pid, worker.epoch, worker.outcome.as_str()), (successor, 2, "replaced"));
    wait_until_gone(first.pid);
}

/// Whom the old worker has promised office.
fn kept_for(identity: &Identity) -> u32 {
    wait_for("office to be kept for somebody", || {
        let kept: Value =
            serde_json::from_slice(&std::fs::read(identity.file("successor.json")).ok()?).ok()?;
        u32::try_from(kept["pid"].as_u64()?).ok()
    })
}

/// The successor gets to this point and dies there, and so does the session that launched it: nobody is left who tries, but for who has made room.
fn nobody_is_left_but_the_old_worker(point: &str) {
    let identity = identity();
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    let first = identity.newest_of(&old).success();
    let session = identity.newest_of(&new).env("ONEWORKER_FAILPOINTS", format!("{point}=stop")).start();
    let successor = kept_for(&identity);
    oneworker_tests::wait_until_stopped(successor);
    wait_for("the old worker to have left", || {
        ["stopped", "starting"].contains(&identity.record().unwrap()["state"].as_str().unwrap()).then_some(())
    });
    oneworker_tests::kill(session.pid());
    session.output();
    oneworker_tests::kill_and_wait(successor);
    let worker = wait_for("the old worker in office again", || {
        let record = identity.record()?;
        (record["state"] == "ready" && record["version"] == "1.0.0" && record["epoch"].as_u64()? > 1)
            .then_some(record)
    });
    assert_eq!(worker["pid"], first.pid, "{worker}");
    let next = identity.ensure_of(&old).success();
    assert_eq!((next.pid, next.outcome.as_str()), (first.pid, "reused"));
    identity.stop();
    wait_until_gone(first.pid);
}

each! { nobody_is_left_but_the_old_worker:
    fn a_worker_comes_back_if_its_successor_dies_before_it_has_the_lock = "succeed.agreed";
    fn a_worker_comes_back_if_its_successor_dies_with_the_lock = "succeed.locked";
    fn a_worker_comes_back_if_its_successor_dies_with_its_epoch = "claim.epoch";
    fn a_worker_comes_back_if_its_successor_dies_with_its_first_record = "claim.recorded";
}

#[test]
fn a_worker_that_is_told_to_stop_has_no_successor() {
    let identity = identity();
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    let first = identity.newest_of(&old).env("ONEWORKER_FAILPOINTS", "hand_over.draining=stop").success();
    let late = identity.newest_of(&new).start();
    oneworker_tests::wait_until_stopped(first.pid);
    // Office is kept by now. The worker is told to stop, which it learns when it goes on.
    oneworker_tests::terminate(first.pid);
    oneworker_tests::go_on(first.pid);
    wait_until_gone(first.pid);
    // The session that wanted a worker gets one all the same: by a launch.
    let worker = late.success();
    assert_eq!((in_office(&identity).as_str(), worker.epoch), ("1.1.0", 2));
    identity.wait_until_alone(worker.pid);
}
