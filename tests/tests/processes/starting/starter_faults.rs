//! The session that was elected to launch the worker is killed or stopped on the way: the others must neither wait for it in vain nor
//! start a second worker.

use oneworker_tests::{Hold, Running, agreed, all_at_once, go_on, wait_for, wait_until_stopped};

use crate::identity;

/// Whatever a killed session has or has not done: the next one has a worker within its deadline, and it is the only one ever.
fn killed_at(point: &str) {
    let identity = identity();
    let output = identity.ensure_failing(format!("{point}=kill")).output();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&output.status),
        Some(9),
        "{point} was not come by"
    );
    let worker = identity.ensure().success();
    assert_eq!((worker.epoch, identity.epoch()), (1, 1), "two workers took office");
    identity.wait_until_alone(worker.pid);
    assert_eq!(identity.tenures(), [1]);
}

/// The deadline of sessions that have to get past a stopped one. The first of them does so when half of it is over, and the other half is far
/// more than a launch takes on a loaded machine. That an answer comes within it is seen by the exit status.
const DEADLINE: &str = "40s";

/// While a session is stopped at this point, others get a worker within *their* deadline; and the stopped one, continued, gets it too.
fn stopped_at(point: &str) {
    let identity = identity();
    let stopped = identity.ensure_failing(format!("{point}=stop")).patiently().start();
    wait_until_stopped(stopped.pid());
    let others = all_at_once((0..8).map(|_| identity.ensure().within(DEADLINE)));
    let answers: Vec<_> = others.into_iter().map(Running::success).collect();
    let worker = agreed(&answers);
    assert_eq!((worker.epoch, identity.epoch()), (1, 1));

    go_on(stopped.pid());
    let late = stopped.success();
    assert_eq!((late.pid, late.epoch, &late.url), (worker.pid, 1, &worker.url));
    assert_eq!(identity.epoch(), 1, "the late one launched a second worker into office");
    identity.wait_until_alone(worker.pid);
}

each! { killed_at:
    fn a_session_killed_before_it_does_anything_is_in_nobodys_way = "ensure.start";
    fn a_session_killed_when_just_elected_is_in_nobodys_way = "elect.won";
    fn a_session_killed_after_its_second_probe_is_in_nobodys_way = "elect.reprobed";
    fn a_session_killed_after_it_saw_the_office_empty_is_in_nobodys_way = "look.free";
    fn a_session_killed_just_before_its_launch_is_in_nobodys_way = "launch.before";
    fn a_session_killed_before_it_noted_its_launch_leaves_a_worker_that_is_used = "launch.spawned";
    fn a_session_killed_after_it_noted_its_launch_leaves_a_worker_that_is_used = "launch.noted";
    fn a_session_killed_when_its_worker_is_ready_leaves_a_worker_that_is_used = "launch.ready";
}

each! { stopped_at:
    fn a_session_stopped_when_just_elected_is_passed_by = "elect.won";
    fn a_session_stopped_just_before_its_launch_is_passed_by = "launch.before";
    fn a_session_stopped_before_it_noted_its_launch_is_passed_by = "launch.spawned";
    fn a_session_stopped_after_it_noted_its_launch_is_passed_by = "launch.noted";
    fn a_session_stopped_when_its_worker_is_ready_is_passed_by = "launch.ready";
}

#[test]
fn nobody_launches_again_while_a_launched_worker_is_not_to_be_seen_yet() {
    let identity = identity();
    // The worker stands before its claim, and its session has noted nothing of it.
    let (unnoted, unclaimed) = (Hold::at(&identity, "launch.spawned"), Hold::at(&identity, "claim.before"));
    let failpoints = format!("{};{}", unnoted.failpoint(), unclaimed.failpoint());
    let starter = identity.ensure_failing(failpoints).patiently().start();
    unnoted.wait_until_reached();
    let worker = unclaimed.wait_until_reached();
    let begun = identity.scratch().join("begun");
    std::fs::write(&begun, "").unwrap();
    let note = format!("ensure.start=note:{}", begun.display());
    let crowd = all_at_once((0..10).map(|_| identity.ensure_failing(&note)));
    wait_for("all sessions to begin", || {
        (std::fs::read_to_string(&begun).ok()?.lines().count() == 10).then_some(())
    });
    let _noted = unnoted.release();
    // The next one is elected while the worker is not in office yet.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let _claimed = unclaimed.release();
    let mut answers: Vec<_> = crowd.into_iter().map(Running::success).collect();
    answers.push(starter.success());
    assert_eq!(agreed(&answers).pid, worker);
    assert_eq!((identity.tenures(), identity.needless_launches()), (vec![1], 0));
}

#[test]
fn a_launch_that_a_killed_session_noted_is_waited_for_and_not_repeated() {
    let identity = identity();
    let unclaimed = Hold::at(&identity, "claim.before");
    let killed = identity.ensure_failing(format!("launch.noted=kill;{}", unclaimed.failpoint())).output();
    assert_eq!(killed.status.code(), None, "it was not killed");
    let worker = unclaimed.wait_until_reached();
    let crowd = all_at_once((0..5).map(|_| identity.patient_ensure()));
    // They are elected while the worker is not in office yet.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let _claimed = unclaimed.release();
    let answers: Vec<_> = crowd.into_iter().map(Running::success).collect();
    assert_eq!(agreed(&answers).pid, worker);
    assert_eq!((identity.tenures(), identity.needless_launches()), (vec![1], 0));
}

#[test]
fn a_stopped_session_is_passed_by_one_at_a_time_and_not_by_a_stampede() {
    let identity = identity();
    let stopped = identity.ensure_failing("launch.before=stop").patiently().start();
    wait_until_stopped(stopped.pid());
    for other in all_at_once((0..20).map(|_| identity.ensure().within(DEADLINE))) {
        other.success();
    }
    assert!(identity.file("spawn.1.lock").exists(), "they went on through the second election");
    assert!(!identity.file("spawn.2.lock").exists(), "the third election was not needed");
    assert_eq!(identity.tenures(), [1]);
    assert_eq!(identity.needless_launches(), 0);
}
