//! The session that was elected to launch the worker is killed or stopped on the way: the others must neither wait for it in vain nor
//! start a second worker.

// All of this is test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use oneworker_tests::{Identity, Running, agreed, go_on, wait_until_stopped};

const BINARY: &str = env!("CARGO_BIN_EXE_oneworker-under-test");

/// Whatever a killed session has or has not done: the next one has a worker within its deadline, and it is the only one ever.
fn killed_at(point: &str) {
    let identity = Identity::new(BINARY);
    let (output, _) = identity.ensure_failing(format!("{point}=kill")).start().output();
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

/// While a session is stopped at this point, others get a worker within *their* deadline; and the stopped one, continued, gets it too.
fn stopped_at(point: &str) {
    let identity = Identity::new(BINARY);
    let stopped = identity.ensure_failing(format!("{point}=stop")).args(["--deadline", "5m"]).start();
    wait_until_stopped(stopped.pid());
    let others: Vec<_> = (0..8).map(|_| identity.ensure().args(["--deadline", "10s"]).start()).collect();
    let answers: Vec<_> = others.into_iter().map(Running::success).collect();
    let worker = agreed(&answers);
    assert_eq!((worker.epoch, identity.epoch()), (1, 1));

    go_on(stopped.pid());
    let late = stopped.success();
    assert_eq!((late.pid, late.epoch, &late.url), (worker.pid, 1, &worker.url));
    assert_eq!(identity.epoch(), 1, "the late one launched a second worker into office");
    identity.wait_until_alone(worker.pid);
}

macro_rules! points {
    ($check:ident: $($name:ident = $point:literal;)*) => { $(#[test] fn $name() { $check($point); })* };
}

points! { killed_at:
    a_session_killed_before_it_does_anything_is_in_nobodys_way = "ensure.start";
    a_session_killed_when_just_elected_is_in_nobodys_way = "elect.won";
    a_session_killed_after_its_second_probe_is_in_nobodys_way = "elect.reprobed";
    a_session_killed_after_it_saw_the_office_empty_is_in_nobodys_way = "look.free";
    a_session_killed_just_before_its_launch_is_in_nobodys_way = "launch.before";
    a_session_killed_before_it_noted_its_launch_leaves_a_worker_that_is_used = "launch.spawned";
    a_session_killed_after_it_noted_its_launch_leaves_a_worker_that_is_used = "launch.noted";
    a_session_killed_when_its_worker_is_ready_leaves_a_worker_that_is_used = "launch.ready";
}

points! { stopped_at:
    a_session_stopped_when_just_elected_is_passed_by = "elect.won";
    a_session_stopped_just_before_its_launch_is_passed_by = "launch.before";
    a_session_stopped_before_it_noted_its_launch_is_passed_by = "launch.spawned";
    a_session_stopped_after_it_noted_its_launch_is_passed_by = "launch.noted";
    a_session_stopped_when_its_worker_is_ready_is_passed_by = "launch.ready";
}

#[test]
fn a_stopped_session_is_passed_by_one_at_a_time_and_not_by_a_stampede() {
    let identity = Identity::new(BINARY);
    let stopped = identity.ensure_failing("launch.before=stop").args(["--deadline", "5m"]).start();
    wait_until_stopped(stopped.pid());
    let others: Vec<_> = (0..20).map(|_| identity.ensure().args(["--deadline", "10s"]).start()).collect();
    let ended: Vec<_> = others.into_iter().map(Running::output).collect();
    for (output, took) in &ended {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(*took < Duration::from_secs(10), "{took:?}");
    }
    assert!(identity.file("spawn.1.lock").exists(), "they went on through the second election");
    assert!(!identity.file("spawn.2.lock").exists(), "the third election was not needed");
    assert_eq!(identity.tenures(), [1]);
    assert_eq!(identity.needless_launches(), 0);
}
