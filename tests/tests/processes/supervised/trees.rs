//! Nothing that was started outlives its tenure.

use std::time::{Duration, Instant};

use oneworker_tests::{
    Bystander, Draw, at_this_pace, is_alive, kill, kill_and_wait, once_seen, processes_of, wait_for,
    wait_until_gone,
};

use super::{SERVER, child_of, configured, ensure, get, script};

/// A helper that forks, forks twice, leaves its session, clears its environment and is deaf, with the test's directory in all arguments.
const BROOD: &str = r#"#!/bin/sh
trap '' TERM
python3 -c 'import time; time.sleep(1000)' "$1" forked &
( setsid python3 -c 'import time; time.sleep(1000)' "$1" twice & )
( env -i setsid python3 -c 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)' "$1" bare & ) 2>/dev/null
echo up
while :; do sleep 0.05; done
"#;

struct Brood {
    identity: oneworker_tests::Identity,
    command: Vec<String>,
}

impl Brood {
    fn new() -> Self {
        let identity = configured("").without_backoff();
        let brood = script(&identity, "brood.sh", BROOD);
        let tag = identity.scratch().join("tag").to_string_lossy().into_owned();
        let text = format!(
            "[[helper]]\nname = \"brood\"\ncommand = [\"sh\", {brood:?}, {tag:?}]\nready = {{ line = \"up\" }}\nstop = {{ within = \"100ms\" }}\n"
        );
        std::fs::write(identity.scratch().join("oneworker.toml"), text).unwrap();
        let server = script(&identity, "server.py", SERVER);
        Self { identity, command: vec!["python3".to_owned(), server] }
    }

    fn ensure(&self) -> serde_json::Value {
        let command: Vec<&str> = self.command.iter().map(String::as_str).collect();
        let (status, answer) = ensure(&self.identity, &command).json();
        assert_eq!(status, 0, "{answer}\n{}", self.identity.log());
        answer
    }

    /// All that the tenure has started, when it is complete: server, helper and its three.
    fn all(&self) -> Vec<u32> {
        wait_for("the whole brood", || {
            let all: Vec<u32> = processes_of(self.identity.scratch())
                .into_iter()
                .filter(|(_, args)| !args.iter().any(|arg| arg == "serve" || arg == "ensure"))
                .filter(|(_, args)| !args.iter().any(|arg| arg == "setsid" || arg == "env"))
                .map(|(pid, _)| pid)
                .collect();
            (all.len() == 5).then_some(all)
        })
    }
}

fn gone(all: &[u32]) {
    wait_for("all of them to be gone", || (!all.iter().any(|pid| is_alive(*pid))).then_some(()));
}

#[test]
fn whatever_becomes_of_a_killed_worker_what_it_started_ends_with_it() {
    let brood = Brood::new();
    let mut bystander = Bystander::start();
    for _ in 0..5 {
        let answer = brood.ensure();
        let all = brood.all();
        kill(u32::try_from(answer["pid"].as_u64().unwrap()).unwrap());
        gone(&all);
        assert_eq!(get(u16::try_from(answer["port"].as_u64().unwrap()).unwrap()), None);
    }
    bystander.assert_untouched();
}

/// `TREE_ROUNDS` makes it longer, `TREE_SEED` repeats one.
#[test]
fn at_any_moment_of_a_kill_nothing_is_left_within_a_second_of_the_next_session() {
    let rounds: u32 = std::env::var("TREE_ROUNDS").map_or(12, |rounds| rounds.parse().unwrap());
    let mut draw = Draw::of_variable("TREE_SEED");
    let brood = Brood::new();
    let mut bystander = Bystander::start();
    for round in 0..rounds {
        let command: Vec<&str> = brood.command.iter().map(String::as_str).collect();
        let session = ensure(&brood.identity, &command).start();
        // At any moment of its start, or later.
        std::thread::sleep(Duration::from_millis(draw.below(1500)));
        let mine = || -> Vec<(u32, Vec<String>)> { processes_of(brood.identity.scratch()) };
        let old: Vec<u32> = mine()
            .into_iter()
            .filter(|(_, args)| !args.iter().any(|arg| arg == "ensure"))
            .map(|(pid, _)| pid)
            .collect();
        let victims: Vec<u32> = match draw.below(3) {
            // The one in office, and its guardian if it has one yet; the command; both.
            0 => brood
                .identity
                .record()
                .and_then(|record| u32::try_from(record["pid"].as_u64()?).ok())
                .into_iter()
                .collect(),
            1 => brood
                .identity
                .record()
                .and_then(|record| u32::try_from(record["service"]["pid"].as_u64()?).ok())
                .into_iter()
                .collect(),
            _ => brood.identity.workers(),
        };
        let worker_killed = victims.iter().any(|pid| brood.identity.workers().contains(pid));
        victims.iter().copied().for_each(kill);
        // Until then whoever looks at one sees it alive.
        victims.iter().copied().for_each(wait_until_gone);
        drop(session);
        let next = brood.ensure();
        if worker_killed {
            // Those that had cleared their environment are nobody's any more if worker and guardian were killed at once.
            let orphan =
                |pid: &u32| std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| env.is_empty());
            let left = || -> Vec<u32> {
                old.iter()
                    .copied()
                    .filter(|pid| is_alive(*pid) && !(victims.len() > 1 && orphan(pid)))
                    .collect()
            };
            let keep = u32::try_from(next["pid"].as_u64().unwrap()).unwrap();
            let within = at_this_pace(Duration::from_secs(1));
            let begun = Instant::now();
            wait_for("the old tenure to be gone", || {
                left().iter().all(|pid| *pid == keep || brood.identity.workers().contains(pid)).then_some(())
            });
            let took = begun.elapsed();
            let limit = within.max(at_this_pace(Duration::from_secs(1)));
            assert!(took < limit, "round {round}: {:?} after {took:?} of {limit:?}", left());
        }
        assert!(
            get(u16::try_from(next["port"].as_u64().unwrap()).unwrap()).is_some(),
            "round {round}: {next}"
        );
        brood.identity.stop();
        for (pid, _) in mine() {
            kill_and_wait(pid);
        }
    }
    bystander.assert_untouched();
}

#[test]
fn a_worker_that_stops_leaves_nothing() {
    let brood = Brood::new();
    brood.ensure();
    let all = brood.all();
    brood.identity.stop();
    gone(&all);
}

#[test]
fn where_the_guardian_is_killed_too_the_next_worker_ends_what_is_left() {
    let brood = Brood::new();
    let answer = brood.ensure();
    let all = brood.all();
    let worker = u32::try_from(answer["pid"].as_u64().unwrap()).unwrap();
    let guardian = brood.identity.workers().into_iter().find(|pid| *pid != worker).expect("a guardian");
    kill_and_wait(guardian);
    assert_eq!(brood.ensure()["pid"], answer["pid"], "the worker lives on");
    kill_and_wait(worker);
    // One of them has no mark any more: it had cleared its environment, and nobody is left who knows whose it was.
    let marked: Vec<u32> = all
        .iter()
        .copied()
        .filter(|pid| std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| !env.is_empty()))
        .collect();
    assert!(marked.len() < 5);
    let next = brood.ensure();
    assert_ne!(next["pid"], answer["pid"]);
    gone(&marked);
    for pid in all.into_iter().filter(|pid| is_alive(*pid)) {
        kill_and_wait(pid);
    }
}

/// Whoever ends a launch that got stuck before its claim knows only the process that was launched.
#[test]
fn a_start_that_is_stuck_before_its_claim_ends_with_its_guardian() {
    let identity = configured("").hang_limit("1s");
    let server = script(&identity, "server.py", SERVER);
    once_seen(&["starting"], || {
        identity.ensure_failing("serve.start=block").args(["--", "python3", &server])
    });
    let both =
        wait_for("worker and guardian", || Some(identity.workers()).filter(|workers| workers.len() == 2));
    let (status, next) = ensure(&identity, &["python3", &server]).json();
    assert_eq!(status, 0, "{next}");
    gone(&both);
}

#[test]
fn a_command_that_is_started_again_finds_nothing_of_the_last_one() {
    let identity = configured("[worker]\nrestart = { base = \"1ms\" }\n");
    let server = script(&identity, "server.py", SERVER);
    // The one that holds the port has left the group and the session.
    let hiding = script(&identity, "hide.sh", &format!("setsid python3 {server} & exec sleep 1000"));
    let (_, first) = ensure(&identity, &["sh", &hiding]).json();
    let port = u16::try_from(first["port"].as_u64().unwrap()).unwrap();
    let answer = |port| get(port).map(|answer| answer.split(' ').next().unwrap().to_owned());
    let old = answer(port).unwrap();
    kill(child_of(&first));
    let new = wait_for("another server", || answer(port).filter(|pid| *pid != old));
    assert!(!is_alive(old.parse().unwrap()) && new != old);
    assert_eq!(identity.tenures(), [1]);
}
