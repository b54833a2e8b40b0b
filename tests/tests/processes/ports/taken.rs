//! The identity's port is held by something else: it is named, not waited for without end, and not launched against; once it goes, the next
//! session has its worker.

use std::time::Duration;

use oneworker_tests::{
    Failure, Forbidden, Identity, NOBODY, Squatter, Success, all_at_once, as_user, forbid, free_port, go_on,
    is_alive, needs_root, occupy_as_client, stop, unproven_health, wait_for,
};

use crate::identity;

fn assert_names_this_process(failure: &Failure, port: u16) {
    assert_eq!(failure.code, "port_taken", "{:?}", failure.error);
    assert_eq!(failure.error["port"], port);
    assert_eq!(failure.error["pid"], std::process::id(), "{:?}", failure.error);
    // As the kernel calls it: the first fifteen bytes of the program's name.
    let program = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert_eq!(failure.error["program"], program.trim_end(), "{:?}", failure.error);
}

/// Whoever holds the port is named; nothing is launched again while they do; the next session after that has a worker.
fn is_named_and_waited_out(squat: impl FnOnce(u16) -> Squatter) {
    let port = free_port();
    let identity = identity().on_port(port);
    let squatter = squat(port);
    let first = identity.patient_ensure().failure();
    assert_names_this_process(&first, port);
    assert_eq!(identity.epoch(), 1, "more than one launch");
    for session in all_at_once((0..6).map(|_| identity.patient_ensure())) {
        assert_names_this_process(&session.failure(), port);
    }
    assert_eq!(
        (identity.epoch(), identity.tenures()),
        (1, vec![1]),
        "something was launched against a taken port"
    );
    identity_is_idle(&identity);

    drop(squatter);
    let worker = identity.patient();
    assert_eq!((worker.port, worker.epoch, worker.outcome.as_str()), (port, 2, "started"));
}

fn identity_is_idle(identity: &Identity) {
    wait_for("the worker that found no port to end", || identity.workers().is_empty().then_some(()));
}

#[test]
fn a_program_that_says_yes_to_everything_is_named() {
    is_named_and_waited_out(|port| Squatter::answering(port, |_| "{}".to_owned()));
}

#[test]
fn a_program_that_answers_like_a_worker_but_proves_nothing_is_named() {
    is_named_and_waited_out(|port| Squatter::answering(port, move |request| unproven_health(port, request)));
}

#[test]
fn a_program_that_accepts_and_says_nothing_is_named() {
    is_named_and_waited_out(Squatter::silent);
}

#[test]
fn a_program_that_never_ends_its_answer_is_named() {
    is_named_and_waited_out(Squatter::endless);
}

#[test]
fn a_program_that_passes_questions_on_to_a_real_worker_is_named() {
    let elsewhere = identity();
    let real = elsewhere.patient();
    is_named_and_waited_out(|port| Squatter::relay(port, real.port, || ()));
    assert_eq!(elsewhere.patient().pid, real.pid);
}

#[test]
fn a_session_never_tries_the_port_by_taking_it() {
    let port = free_port();
    let identity = identity().on_port(port);
    let squatter = Squatter::silent(port);
    assert_names_this_process(&identity.patient_ensure().failure(), port);
    // It finds out that nothing has changed without a call that would be in the way of others.
    let again = identity.patient_ensure().with(forbid(Forbidden::Binding)).failure();
    assert_names_this_process(&again, port);
    drop(squatter);
    let worker = identity.patient();
    let reused = identity.patient_ensure().with(forbid(Forbidden::Binding)).success();
    assert_eq!((reused.pid, reused.port, reused.outcome.as_str()), (worker.pid, port, "reused"));
}

#[test]
fn a_port_held_by_a_clients_connection_is_waited_for() {
    let port = free_port();
    let identity = identity().on_port(port);
    let connection = occupy_as_client(port);
    let session = identity.patient_ensure().start();
    // The epoch is drawn before the port is judged.
    wait_for("the worker to take office", || (identity.epoch() == 1).then_some(()));
    // The worker waits for it for three seconds.
    std::thread::sleep(Duration::from_millis(300));
    drop(connection);
    let worker = session.success();
    assert_eq!((worker.port, worker.epoch), (port, 1), "it was not waited for");
}

#[test]
fn a_port_that_a_client_keeps_is_an_error_in_time_and_the_next_session_tries_again() {
    let port = free_port();
    let identity = identity().on_port(port);
    let connection = occupy_as_client(port);
    let failure = identity.patient_ensure().failure();
    assert_eq!(
        (failure.code.as_str(), &failure.error["port"]),
        ("port_taken", &port.into()),
        "{:?}",
        failure.error
    );
    drop(connection);
    assert_eq!(identity.patient().port, port);
}

#[test]
fn two_identities_on_one_port_do_not_share_it_and_the_first_is_named() {
    let port = free_port();
    let (one, other) = (identity().on_port(port), identity().on_port(port));
    let first = one.patient();
    let failure = other.patient_ensure().failure();
    assert_eq!(
        (failure.code.as_str(), &failure.error["pid"]),
        ("port_taken", &first.pid.into()),
        "{:?}",
        failure.error
    );
    assert_eq!(one.patient(), Success { outcome: "reused".to_owned(), ..first });
    one.stop();
    assert_eq!(other.patient().port, port);
}

#[test]
fn another_users_worker_on_the_port_is_named_and_not_used() {
    if needs_root() {
        return;
    }
    let port = free_port();
    let (theirs, ours) = (identity().on_port(port).owned_by(NOBODY), identity().on_port(port));
    let first = theirs.patient_ensure().with(as_user(NOBODY)).success();
    let failure = ours.patient_ensure().failure();
    assert_eq!(
        (failure.code.as_str(), &failure.error["pid"]),
        ("port_taken", &first.pid.into()),
        "{:?}",
        failure.error
    );
    assert!(is_alive(first.pid));
    let again = theirs.ensure().with(as_user(NOBODY)).success();
    assert_eq!((again.pid, again.epoch), (first.pid, 1));
}

#[test]
fn a_stopped_worker_is_not_taken_for_gone_because_another_identity_asks_for_its_port() {
    let port = free_port();
    let (one, other) = (identity().on_port(port), identity().on_port(port));
    let first = one.patient();
    stop(first.pid);
    let failure = other.patient_ensure().failure();
    assert_eq!(
        (failure.code.as_str(), &failure.error["pid"]),
        ("port_taken", &first.pid.into()),
        "{:?}",
        failure.error
    );
    go_on(first.pid);
    assert_eq!(one.patient().pid, first.pid);
}
