//! Any number of sessions at any offsets, any of them and any worker killed at any time: what must hold, holds.

use std::process::Output;
use std::time::{Duration, Instant};

use oneworker_tests::{Identity, kill};
use proptest::prelude::*;
use serde_json::Value;

use crate::identity;

/// A session: when it starts, and after how long it is killed. In milliseconds.
#[derive(Clone, Debug)]
struct Session {
    start: u64,
    killed_after: Option<u64>,
}

#[derive(Clone, Debug)]
struct Storm {
    sessions: Vec<Session>,
    /// When whatever `serve` processes there are get killed.
    worker_kills: Vec<u64>,
}

fn storms() -> impl Strategy<Value = Storm> {
    let killed_after = prop_oneof![3 => Just(None), 1 => (0..100_u64).prop_map(Some)];
    let session =
        (0..250_u64, killed_after).prop_map(|(start, killed_after)| Session { start, killed_after });
    let sessions = prop::collection::vec(session, 1..=24);
    (sessions, prop::collection::vec(0..350_u64, 0..=3))
        .prop_map(|(sessions, worker_kills)| Storm { sessions, worker_kills })
}

/// How a session went.
struct Answer {
    begun: Instant,
    ended: Instant,
    output: Output,
    killed: bool,
}

fn until(begun: Instant, ms: u64) {
    std::thread::sleep((begun + Duration::from_millis(ms)).saturating_duration_since(Instant::now()));
}

fn run(identity: &Identity, storm: &Storm) -> Vec<Answer> {
    let zero = Instant::now();
    std::thread::scope(|scope| {
        for at in &storm.worker_kills {
            scope.spawn(move || {
                until(zero, *at);
                identity.workers().into_iter().for_each(kill);
            });
        }
        let session = |session: &Session| {
            until(zero, session.start);
            let begun = Instant::now();
            let running = identity.patient_ensure().start();
            if let Some(after) = session.killed_after {
                until(begun, after);
                // Not reaped yet, so the pid is still its own.
                kill(running.pid());
            }
            let (output, _) = running.output();
            Answer { begun, ended: Instant::now(), killed: output.status.code().is_none(), output }
        };
        let sessions: Vec<_> = storm.sessions.iter().map(|one| scope.spawn(move || session(one))).collect();
        sessions.into_iter().map(|session| session.join().unwrap()).collect()
    })
}

/// What a worker is known by.
type Named = (u64, u64, String);

fn check(storm: &Storm) -> Result<(), TestCaseError> {
    let identity = identity().without_backoff();
    let answers = run(&identity, storm);

    let mut named: Vec<(&Answer, Named)> = Vec::new();
    for answer in answers.iter().filter(|answer| !answer.killed) {
        let json: Value = serde_json::from_slice(&answer.output.stdout).unwrap_or(Value::Null);
        if answer.output.status.success() {
            let url = json["url"].as_str().unwrap().to_owned();
            named.push((answer, (json["epoch"].as_u64().unwrap(), json["pid"].as_u64().unwrap(), url)));
        } else {
            // A session may lose the worker that it launched, and nothing else may go wrong.
            prop_assert_eq!(&json["error"]["code"], "launch_failed", "{}", json);
            prop_assert!(!storm.worker_kills.is_empty(), "nobody killed a worker: {}", json);
        }
    }
    for (one, a) in &named {
        for (other, b) in &named {
            prop_assert!(a.0 != b.0 || a == b, "one epoch, two workers: {:?} {:?}", a, b);
            prop_assert!(one.ended > other.begun || a.0 <= b.0, "an epoch went back: {:?}, then {:?}", a, b);
        }
    }

    let last = identity.patient();
    prop_assert!(named.iter().all(|(_, (epoch, ..))| *epoch <= last.epoch));
    prop_assert_eq!(last.epoch, identity.epoch());
    identity.wait_until_alone(last.pid);
    let tenures = identity.tenures();
    prop_assert!(tenures.is_sorted_by(|a, b| a < b), "an epoch was given out twice: {:?}", tenures);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        // Every case starts dozens of processes. `PROPTEST_CASES=200` for a thorough run.
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(8),
        max_shrink_iters: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_dies_there_is_one_worker_and_epochs_only_grow(storm in storms()) {
        check(&storm)?;
    }
}
