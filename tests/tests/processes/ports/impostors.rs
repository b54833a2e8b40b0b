//! Whoever answers in the worker's place, at the address that its record names, is asked, and neither believed nor told a secret.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use oneworker_tests::{Identity, Squatter, Success, free_port, kill_and_wait, unproven_health};

use crate::identity;

#[test]
fn a_relay_to_this_very_worker_is_found_out_by_the_address_it_can_not_prove() {
    let identity = identity();
    let worker = identity.patient();
    let (path, real) = (identity.file("worker.json"), format!("127.0.0.1:{}", worker.port));
    let relay_port = free_port();
    let misled = fs::read_to_string(&path).unwrap().replace(&real, &format!("127.0.0.1:{relay_port}"));
    // The worker mends its record whenever it is asked; the relay undoes that each time.
    let (again, text) = (path.clone(), misled.clone());
    let relay = Squatter::relay(relay_port, worker.port, move || fs::write(&again, &text).unwrap());
    fs::write(&path, &misled).unwrap();
    let (_, status) = identity.command("status").arg("--json").json();
    assert_eq!(status["proven"], false, "{status}");
    assert!(status["trouble"].as_str().unwrap().contains(&real), "{status}");

    drop(relay);
    let answer = identity.patient();
    assert_eq!((answer.pid, answer.port), (worker.pid, worker.port));
}

/// An identity that will do with any port, and its worker, which was killed. It had a port that the system does not give away by chance.
fn killed() -> (Identity, Success) {
    let identity = identity();
    let worker = identity.ensure_on_port(&free_port().to_string()).patiently().success();
    kill_and_wait(worker.pid);
    (identity, worker)
}

#[test]
fn whoever_took_the_port_of_a_killed_worker_is_asked_and_not_believed() {
    let (identity, first) = killed();
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, port) = (asked.clone(), first.port);
    let _squatter = Squatter::answering(port, move |request| {
        count.fetch_add(1, Ordering::SeqCst);
        unproven_health(port, request)
    });
    let next = identity.patient();
    assert_ne!(next.port, first.port);
    assert_eq!((next.epoch, next.outcome.as_str()), (2, "started"));
    assert!(asked.load(Ordering::SeqCst) > 0, "this test shows nothing");
    assert_eq!(identity.patient().pid, next.pid);
}

#[test]
fn whoever_took_the_port_of_a_killed_worker_learns_no_token() {
    let (identity, first) = killed();
    let token = fs::read_to_string(identity.file("token")).unwrap();
    let heard = Arc::new(Mutex::new(String::new()));
    let (all, port) = (heard.clone(), first.port);
    let _squatter = Squatter::answering(port, move |request| {
        all.lock().unwrap().push_str(request);
        unproven_health(port, request)
    });
    let _ = identity.command("stop").within("5s").output();
    identity.patient();
    let heard = heard.lock().unwrap();
    assert!(heard.contains("/health"), "this test shows nothing");
    assert!(!heard.contains(token.trim()), "{heard}");
}

#[test]
fn a_silent_squatter_on_the_recorded_port_delays_a_session_no_longer_than_a_moment() {
    let (identity, first) = killed();
    let _squatter = Squatter::silent(first.port);
    assert_eq!(identity.patient().epoch, 2);
}
