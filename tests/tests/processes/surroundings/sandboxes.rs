//! A sandbox forbids sockets, signals or processes, or leaves few descriptors: the refusal is named, is never taken for "nothing runs", and hurts
//! no worker that does.

use oneworker_tests::{
    AT_ONCE, Failure, Forbidden, Run, forbid, free_port, is_alive, limit_open_files, stop,
};
use serde_json::Value;

use crate::identity;

fn not_permitted(run: Run) -> Failure {
    let failure = run.patiently().failure();
    assert_eq!(failure.code, "not_permitted", "{:?}", failure.error);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    failure
}

fn without_sockets_nothing_is_started(errno: i32) {
    for port in ["auto".to_owned(), free_port().to_string()] {
        let identity = identity();
        for _ in 0..4 {
            not_permitted(identity.ensure_on_port(&port).with(forbid(Forbidden::Sockets(errno))));
        }
        assert_eq!(
            (identity.workers(), identity.epoch()),
            (vec![], 0),
            "something was started on port {port}"
        );
        // And no session outside of the sandbox is held back for it.
        assert_eq!(identity.ensure().success().epoch, 1);
    }
}

fn without_sockets_a_worker_is_left_alone(errno: i32) {
    // The shortest limit: a worker that only this session can't reach must not be taken for hung.
    let identity = identity().hang_limit("2s");
    let worker = identity.patient();
    for _ in 0..3 {
        not_permitted(identity.ensure().with(forbid(Forbidden::Sockets(errno))));
    }
    assert!(is_alive(worker.pid), "it was killed");
    assert_eq!((identity.patient().pid, identity.tenures()), (worker.pid, vec![1]));
    assert!(!identity.file("suspect.json").exists(), "it is suspected");
}

#[test]
fn a_sandbox_without_sockets_is_named_and_nothing_is_started_in_it() {
    without_sockets_nothing_is_started(libc::EPERM);
}

#[test]
fn a_sandbox_without_this_family_of_sockets_is_named_and_nothing_is_started_in_it() {
    without_sockets_nothing_is_started(libc::EAFNOSUPPORT);
}

#[test]
fn a_session_without_sockets_leaves_the_worker_alone() {
    without_sockets_a_worker_is_left_alone(libc::EPERM);
}

#[test]
fn a_session_without_this_family_of_sockets_leaves_the_worker_alone() {
    without_sockets_a_worker_is_left_alone(libc::EAFNOSUPPORT);
}

#[test]
fn a_session_that_may_not_signal_reuses_a_worker_and_starts_one() {
    let identity = identity();
    let started = identity.patient_ensure().with(forbid(Forbidden::Signals)).success();
    let reused = identity.ensure().with(forbid(Forbidden::Signals)).success();
    assert_eq!((reused.pid, reused.outcome.as_str()), (started.pid, "reused"));
}

#[test]
fn a_session_that_may_not_signal_says_so_before_a_hung_worker() {
    let identity = identity().hang_limit("2s");
    let worker = identity.patient();
    stop(worker.pid);
    let failure = not_permitted(identity.ensure().with(forbid(Forbidden::Signals)));
    assert_eq!(failure.error["what"], "signal the worker");
    assert!(is_alive(worker.pid));
    assert_eq!(identity.tenures(), [1]);
    // Who may, does.
    assert_eq!(identity.patient().epoch, 2);
}

#[test]
fn a_session_that_may_not_start_processes_says_so_and_reuses_a_worker() {
    let identity = identity();
    for _ in 0..4 {
        let failure = not_permitted(identity.ensure().with(forbid(Forbidden::Processes)));
        assert_eq!(failure.error["what"], "start a process");
    }
    // That held nobody back.
    let worker = identity.ensure().success();
    let reused = identity.ensure().with(forbid(Forbidden::Processes)).success();
    assert_eq!((reused.pid, reused.outcome.as_str(), reused.epoch), (worker.pid, "reused", 1));
}

#[test]
fn too_few_descriptors_are_named_in_time_and_never_cost_a_worker_its_office() {
    let (running, empty) = (identity().hang_limit("2s"), identity().hang_limit("2s"));
    let worker = running.patient();
    let mut worked = 0;
    // In the C library's words.
    let too_many_open_files = std::io::Error::from(rustix::io::Errno::MFILE).to_string();
    for limit in 3..24 {
        for identity in [&running, &empty] {
            // A limit for the session alone: its worker is to have what it needs.
            let (output, took) = identity.patient_ensure().with(limit_open_files(limit)).start().output();
            let said = format!(
                "{limit}: {:?} {}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(took < AT_ONCE, "{took:?} {said}");
            match output.status.code() {
                Some(0) => worked += 1,
                // The system's loader needs one to find a dynamic program's libraries.
                Some(127) if said.contains("open files") => {}
                Some(_) => {
                    let json: Value =
                        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
                    assert!(
                        json["error"]["message"]
                            .as_str()
                            .is_some_and(|message| message.contains(&too_many_open_files)),
                        "{said}"
                    );
                }
                None => panic!("{said}"),
            }
            assert!(is_alive(worker.pid), "{limit}: the worker was killed");
        }
    }
    assert!(worked > 0, "no limit was enough: this test shows nothing");
    assert_eq!((running.patient().pid, running.tenures()), (worker.pid, vec![1]));
}
