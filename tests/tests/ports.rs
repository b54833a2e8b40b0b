//! The identity's port is held by something else: it is named, not believed, not waited for without end, and not launched against; once it
//! goes, the next session has its worker.

#![allow(missing_docs, reason = "the names say it")]
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oneworker_tests::{
    Failure, Identity, NOBODY, Squatter, Success, as_user, free_port, is_alive, is_root, kill,
    occupy_as_client, stop, wait_for, wait_until_gone,
};

const BINARY: &str = env!("CARGO_BIN_EXE_oneworker-under-test");

fn identity() -> Identity {
    Identity::new(BINARY)
}

fn patient(identity: &Identity) -> Success {
    identity.ensure().args(["--deadline", "60s"]).success()
}

/// A health answer in the right form, for the name that these tests use, without a proof that is one.
fn unproven(port: u16, request: &str) -> String {
    // It even knows its lines: the challenge comes back where the proof should be.
    let challenge = request.split(['=', ' ']).find(|part| part.len() == 32).unwrap_or("00");
    format!(
        r#"{{"schema":1,"name":"default","identity":"0","epoch":1,"pid":1,"address":"127.0.0.1:{port}","version":"0.1.0",
            "protocol":{{"min":1,"max":1}},"state":"ready","proof":"{challenge}{challenge}"}}"#
    )
}

fn assert_names_this_process(failure: &Failure, port: u16) {
    assert_eq!(failure.code, "port_taken", "{:?}", failure.error);
    assert_eq!(failure.error["port"], port);
    assert_eq!(failure.error["pid"], std::process::id(), "{:?}", failure.error);
    assert!(
        failure.error["program"].as_str().is_some_and(|program| program.starts_with("ports")),
        "{:?}",
        failure.error
    );
}

/// Whoever holds the port is named; nothing is launched again while they do; the next session after that has a worker.
fn is_named_and_waited_out(squat: impl FnOnce(u16) -> Squatter) {
    let port = free_port();
    let identity = identity().on_port(port);
    let squatter = squat(port);
    let first = identity.ensure().args(["--deadline", "20s"]).failure();
    assert_names_this_process(&first, port);
    assert_eq!(identity.epoch(), 1, "more than one launch");
    let sessions: Vec<_> = (0..6).map(|_| identity.ensure().args(["--deadline", "20s"]).start()).collect();
    for session in sessions {
        assert_names_this_process(&session.failure(), port);
    }
    assert_eq!(
        (identity.epoch(), identity.tenures()),
        (1, vec![1]),
        "something was launched against a taken port"
    );
    identity_is_idle(&identity);

    drop(squatter);
    let worker = patient(&identity);
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
    is_named_and_waited_out(|port| Squatter::answering(port, move |request| unproven(port, request)));
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
    let real = patient(&elsewhere);
    is_named_and_waited_out(|port| Squatter::relay(port, real.port, || ()));
    assert_eq!(patient(&elsewhere).pid, real.pid);
}

#[test]
fn a_relay_to_this_very_worker_is_found_out_by_the_address_it_can_not_prove() {
    let identity = identity();
    let worker = patient(&identity);
    let (path, real) = (identity.file("worker.json"), format!("127.0.0.1:{}", worker.port));
    let relay_port = free_port();
    let misled = fs::read_to_string(&path).unwrap().replace(&real, &format!("127.0.0.1:{relay_port}"));
    // The worker mends its record whenever it is asked; the relay undoes that each time.
    let (again, text) = (path.clone(), misled.clone());
    let relay = Squatter::relay(relay_port, worker.port, move || fs::write(&again, &text).unwrap());
    fs::write(&path, &misled).unwrap();
    let (output, _) = identity.command("status").arg("--json").start().output();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["proven"], false, "{status}");
    assert!(status["trouble"].as_str().unwrap().contains(&real), "{status}");

    drop(relay);
    let answer = patient(&identity);
    assert_eq!((answer.pid, answer.port), (worker.pid, worker.port));
}

#[test]
fn a_port_held_by_a_clients_connection_is_waited_for() {
    let port = free_port();
    let identity = identity().on_port(port);
    let connection = occupy_as_client(port);
    let session = identity.ensure().args(["--deadline", "60s"]).start();
    // The epoch is drawn before the port is judged.
    wait_for("the worker to take office", || (identity.epoch() == 1).then_some(()));
    std::thread::sleep(Duration::from_millis(500));
    drop(connection);
    let worker = session.success();
    assert_eq!((worker.port, worker.epoch), (port, 1), "it was not waited for");
}

#[test]
fn a_port_that_a_client_keeps_is_an_error_in_time_and_the_next_session_tries_again() {
    let port = free_port();
    let identity = identity().on_port(port);
    let connection = occupy_as_client(port);
    let failure = identity.ensure().args(["--deadline", "20s"]).failure();
    assert_eq!(
        (failure.code.as_str(), &failure.error["port"]),
        ("port_taken", &port.into()),
        "{:?}",
        failure.error
    );
    drop(connection);
    assert_eq!(patient(&identity).port, port);
}

#[test]
fn a_worker_on_another_port_than_asked_for_is_reused_with_a_warning() {
    let identity = identity();
    let worker = patient(&identity);
    let other = free_port();
    let answer = identity.ensure_on_port(&other.to_string()).success();
    assert_eq!((answer.pid, answer.port, answer.outcome.as_str()), (worker.pid, worker.port, "reused"));
    assert!(
        answer.warnings.iter().any(|warning| warning.contains(&other.to_string())),
        "{:?}",
        answer.warnings
    );
    let same = identity.ensure_on_port(&worker.port.to_string()).success();
    assert_eq!((same.pid, same.warnings), (worker.pid, vec![]));
    assert_eq!(identity.workers(), [worker.pid]);
}

#[test]
fn any_port_will_do_if_the_session_says_so() {
    let (one, other) = (identity(), identity());
    let (first, second) = (patient(&one), patient(&other));
    assert_ne!(first.port, second.port);
    assert_eq!(one.ensure_on_port("auto").success().warnings, Vec::<String>::new());
}

#[test]
fn two_identities_on_one_port_do_not_share_it_and_the_first_is_named() {
    let port = free_port();
    let (one, other) = (identity().on_port(port), identity().on_port(port));
    let first = patient(&one);
    let failure = other.ensure().args(["--deadline", "20s"]).failure();
    assert_eq!(
        (failure.code.as_str(), &failure.error["pid"]),
        ("port_taken", &first.pid.into()),
        "{:?}",
        failure.error
    );
    assert_eq!(patient(&one), Success { outcome: "reused".to_owned(), ..first });
    one.stop();
    assert_eq!(patient(&other).port, port);
}

#[test]
fn another_users_worker_on_the_port_is_named_and_not_used() {
    if !is_root() {
        return eprintln!("skipped: only root can start a worker as another user");
    }
    let port = free_port();
    let (theirs, ours) = (identity().on_port(port).owned_by(NOBODY), identity().on_port(port));
    let first = theirs.ensure().args(["--deadline", "60s"]).with(as_user(NOBODY)).success();
    let failure = ours.ensure().args(["--deadline", "20s"]).failure();
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

/// An identity that will do with any port, and its worker, which was killed. It had a port that the system does not give away by chance.
fn killed() -> (Identity, Success) {
    let identity = identity();
    let worker = identity.ensure_on_port(&free_port().to_string()).args(["--deadline", "60s"]).success();
    kill(worker.pid);
    wait_until_gone(worker.pid);
    (identity, worker)
}

#[test]
fn whoever_took_the_port_of_a_killed_worker_is_asked_and_not_believed() {
    let (identity, first) = killed();
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, port) = (asked.clone(), first.port);
    let _squatter = Squatter::answering(port, move |request| {
        count.fetch_add(1, Ordering::SeqCst);
        unproven(port, request)
    });
    let next = patient(&identity);
    assert_ne!(next.port, first.port);
    assert_eq!((next.epoch, next.outcome.as_str()), (2, "started"));
    assert!(asked.load(Ordering::SeqCst) > 0, "this test shows nothing");
    assert_eq!(patient(&identity).pid, next.pid);
}

#[test]
fn whoever_took_the_port_of_a_killed_worker_learns_no_token() {
    let (identity, first) = killed();
    let token = fs::read_to_string(identity.file("token")).unwrap();
    let heard = Arc::new(std::sync::Mutex::new(String::new()));
    let (all, port) = (heard.clone(), first.port);
    let _squatter = Squatter::answering(port, move |request| {
        all.lock().unwrap().push_str(request);
        unproven(port, request)
    });
    let _ = identity.command("stop").args(["--deadline", "5s"]).output();
    patient(&identity);
    let heard = heard.lock().unwrap();
    assert!(heard.contains("/health"), "this test shows nothing");
    assert!(!heard.contains(token.trim()), "{heard}");
}

#[test]
fn a_silent_squatter_on_the_recorded_port_delays_a_session_no_longer_than_a_moment() {
    let (identity, first) = killed();
    let _squatter = Squatter::silent(first.port);
    assert_eq!(patient(&identity).epoch, 2);
}

#[test]
fn a_stopped_worker_is_not_taken_for_gone_because_another_identity_asks_for_its_port() {
    let port = free_port();
    let (one, other) = (identity().on_port(port), identity().on_port(port));
    let first = patient(&one);
    stop(first.pid);
    let failure = other.ensure().args(["--deadline", "20s"]).failure();
    assert_eq!(
        (failure.code.as_str(), &failure.error["pid"]),
        ("port_taken", &first.pid.into()),
        "{:?}",
        failure.error
    );
    oneworker_tests::go_on(first.pid);
    assert_eq!(patient(&one).pid, first.pid);
}

#[test]
fn proxies_of_the_session_are_neither_used_nor_passed_on() {
    let identity = identity();
    let with_proxies = || {
        let mut run = identity.ensure().args(["--deadline", "60s"]);
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            run = run.env(name, "http://127.0.0.1:1");
        }
        run.env("NO_PROXY", "").env("no_proxy", "").env("REQUEST_METHOD", "")
    };
    let started = with_proxies().success();
    let reused = with_proxies().success();
    assert_eq!((reused.pid, reused.outcome.as_str()), (started.pid, "reused"));
    let environment = fs::read(format!("/proc/{}/environ", started.pid)).unwrap();
    assert!(
        !String::from_utf8_lossy(&environment).to_lowercase().contains("proxy"),
        "the worker has the session's proxies"
    );
}
