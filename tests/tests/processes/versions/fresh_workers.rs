//! To look at a worker and to end it are two steps. Who comes into office between them is another worker than the one that was meant, and is
//! left alone.

use std::process::Command;

use oneworker_tests::{Run, free_port, go_on, is_alive, kill_and_wait, wait_until_stopped};

use crate::{ANY_PROTOCOL, identity};

/// The new worker does not know how to take over, so the old one is retired. While a session that needs it is stopped at this point, the old worker dies, and a new one comes: it gets that one.
fn a_session_retires_only_whom_it_meant(point: &str) {
    let identity = identity();
    // The same address, so that the fresh worker is the one who hears what was meant for the old one.
    let port = free_port().to_string();
    let run = |verb: &str, min: &str, max: &str| {
        let mut command = Command::new(ANY_PROTOCOL);
        command.arg(verb).arg(identity.state_dir()).args([min, max, &port]);
        Run::new(command)
    };
    let old = run("ensure", "1", "1").success();
    let late = run("ensure-alone", "2", "3").env("ONEWORKER_FAILPOINTS", format!("{point}=stop")).start();
    wait_until_stopped(late.pid());
    kill_and_wait(old.pid);
    let fresh = run("serve", "2", "3").start();
    identity.wait_until_ready(fresh.pid());
    go_on(late.pid());
    let answer = late.success();
    assert_eq!((answer.pid, answer.epoch), (fresh.pid(), 2), "the fresh worker was ended");
    assert!(is_alive(fresh.pid()));
}

each! { a_session_retires_only_whom_it_meant:
    fn a_worker_that_came_since_the_look_is_not_retired_in_its_predecessors_place = "retire.before";
    fn a_worker_that_came_since_the_request_is_not_waited_for_in_its_predecessors_place = "retire.asked";
}

/// While `stop` is itself stopped at this point, its worker leaves and another one comes: that one is not ended.
fn stop_ends_only_whom_it_meant(point: &str) {
    let identity = identity().on_port(free_port());
    let old = identity.patient();
    let late = identity.command("stop").args(["--json", "--force"]).patiently();
    let late = late.env("ONEWORKER_FAILPOINTS", format!("{point}=stop")).start();
    wait_until_stopped(late.pid());
    kill_and_wait(old.pid);
    let fresh = identity.patient();
    go_on(late.pid());
    let (status, said) = late.json();
    assert_eq!(
        (status, &said["outcome"], &said["pid"], &said["epoch"]),
        (0, &"stopped".into(), &old.pid.into(), &1.into()),
        "{said}"
    );
    assert_eq!((identity.patient().pid, identity.tenures()), (fresh.pid, vec![1, 2]));
}

each! { stop_ends_only_whom_it_meant:
    fn a_worker_that_came_since_the_look_is_not_stopped_in_its_predecessors_place = "stop.looked";
    fn a_worker_that_came_since_the_request_is_not_stopped_in_its_predecessors_place = "stop.asked";
}
