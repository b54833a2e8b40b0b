//! Sessions hold leases, and the worker leaves once, after the last of them.

use std::process::{Command, Stdio};
use std::time::Duration;

use oneworker_tests::{all_at_once, kill_and_wait, wait_for, wait_until_gone};
use worker::api::LeaseRequest;

use super::{ask, request};
use crate::identity;

fn lease(session: &str) -> LeaseRequest {
    LeaseRequest { session: session.to_owned(), ttl_ms: None, pid: None, start_time: None }
}

#[test]
fn a_worker_that_nobody_needs_leaves_and_the_next_session_gets_another() {
    // A session that launches a worker asks it how it is long before that.
    let identity = identity().env("ONEWORKER_IDLE_TIMEOUT", "3s");
    let first = identity.patient();
    wait_until_gone(first.pid);
    assert!(identity.log().contains("nobody needed it for 3s"), "{}", identity.log());
    // It was no failure: nothing is held back.
    for epoch in 2..4 {
        let next = identity.patient();
        assert_eq!((next.outcome.as_str(), next.epoch), ("started", epoch));
        wait_until_gone(next.pid);
    }
}

#[test]
fn a_worker_stays_for_as_long_as_a_session_lives_and_for_no_longer() {
    let identity = identity().env("ONEWORKER_IDLE_TIMEOUT", "2s");
    let mut owner = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
    let pid = owner.id().to_string();
    let worker = identity.ensure().patiently().args(["--session", "mine", "--session-pid", &pid]).success();
    // Three times as long as it stays without.
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(identity.only_worker(), worker.pid);
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until_gone(worker.pid);
    assert!(identity.log().contains("its process ended"), "{}", identity.log());
}

#[test]
fn leases_outlive_the_worker_and_run_out() {
    let identity = identity().without_backoff();
    let request = request(&identity, &[("ONEWORKER_IDLE_TIMEOUT", "1s")]);
    let names = || {
        let leases = ask(&request, async |client| client.sessions().await).unwrap();
        leases.into_iter().map(|lease| lease.session).collect::<Vec<_>>()
    };
    ask(&request, async |client| client.keep_session(&lease("long")).await).unwrap();
    let short = LeaseRequest { ttl_ms: Some(15_000), ..lease("short") };
    ask(&request, async |client| client.keep_session(&short).await).unwrap();
    assert_eq!(names(), ["long", "short"]);
    kill_and_wait(identity.only_worker());
    assert!(names().contains(&"long".to_owned()), "{:?}", names());
    wait_for("the short lease to run out", || (names() == ["long"]).then_some(()));
    assert!(ask(&request, async |client| client.end_session("long").await).unwrap());
    assert!(!ask(&request, async |client| client.end_session("long").await).unwrap());
    wait_for("the worker to leave", || identity.workers().is_empty().then_some(()));
}

/// A thousand sessions come and go in a storm.
#[test]
fn of_a_thousand_sessions_every_lease_is_right_and_the_worker_leaves_once_after_the_last() {
    const CLIENTS: usize = 8;
    const EACH: usize = 125;
    let identity = identity();
    let request = request(&identity, &[("ONEWORKER_IDLE_TIMEOUT", "2s")]);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let request = &request;
            scope.spawn(move || {
                for n in 0..EACH {
                    let name = format!("{client}-{n}");
                    ask(request, async |client| {
                        client.keep_session(&lease(&name)).await?;
                        // Every fifth stays for now.
                        match n % 5 {
                            0 => Ok(true),
                            _ => client.end_session(&name).await,
                        }
                    })
                    .unwrap();
                }
            });
        }
    });
    let left = ask(&request, async |client| client.sessions().await).unwrap();
    let mut left: Vec<String> = left.into_iter().map(|lease| lease.session).collect();
    left.sort();
    let stays = |client| (0..EACH).step_by(5).map(move |n| format!("{client}-{n}"));
    let mut expected: Vec<String> = (0..CLIENTS).flat_map(stays).collect();
    expected.sort();
    assert_eq!(left, expected);
    let worker = identity.only_worker();
    for name in &expected {
        assert!(ask(&request, async |client| client.end_session(name).await).unwrap(), "{name}");
    }
    wait_until_gone(worker);
    assert_eq!(identity.tenures(), [1]);
    assert_eq!(identity.log().matches("nobody needed it").count(), 1);
}

/// Sessions that come at the very moment at which the worker leaves: each gets one that serves it.
#[test]
fn nobody_is_given_a_worker_that_is_on_its_way_out() {
    let identity = identity().env("ONEWORKER_IDLE_TIMEOUT", "1s").without_backoff();
    for _ in 0..4 {
        let last = identity.patient();
        // Spread over the instant of its decision.
        let late = (0..12).map(|n| {
            let name = n.to_string();
            identity.command("session").args(["start", &name, "--json"]).patiently()
        });
        std::thread::sleep(Duration::from_millis(990));
        for session in all_at_once(late) {
            let (status, said) = session.json();
            assert_eq!((status, &said["outcome"]), (0, &"kept".into()), "{said}");
        }
        let mut sessions = 0;
        for n in 0..12 {
            let (_, said) = identity.command("session").args(["end", &n.to_string(), "--json"]).json();
            sessions += usize::from(said["outcome"] == "ended");
        }
        assert_eq!(sessions, 12, "a lease was lost with the worker that had it");
        let _ = last;
    }
}
