//! The worker is killed at any time, and nothing is left when its guardian has ended.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use oneworker_tests::{Draw, children_of, kill, wait_for};

use crate::tree::{Cleanup, all_of, command, digest, token};

const ROUNDS: u64 = 50;
/// Up to then: from before the fork until there is a crowd.
const LATEST: Duration = Duration::from_millis(80);

#[test]
fn a_worker_that_is_killed_at_any_time_leaves_nothing() {
    let mut draw = Draw::of_variable("TREE_SEED");
    for round in 0..ROUNDS {
        let delay = Duration::from_nanos(draw.below(LATEST.as_nanos() as u64));
        kill_after(delay, &format!("seed {}, round {round}, after {delay:?}", draw.seed()));
    }
}

fn kill_after(delay: Duration, what: &str) {
    let cleanup = Cleanup(token());
    let token = &cleanup.0;
    // Forks all the time, each time out of reach of everything but the guardian.
    let restless = format!("while :; do (env -i setsid sh -c 'sleep {token} & exec sleep {token}' &); done");
    let scripts = [restless.as_str(), restless.as_str()];
    let mut guardian = command(&digest(), &scripts).stdout(Stdio::null()).spawn().unwrap();
    // When the fault comes is what is varied.
    let at = Instant::now() + delay;
    while Instant::now() < at {
        std::hint::spin_loop();
    }
    // The guardian's first child, named as what was started until the guardian has named itself.
    let worker = wait_for("a worker", || {
        let children = children_of(guardian.id()).into_iter();
        children.into_iter().find(|pid| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "tree-worker\n")
        })
    });
    kill(worker);
    let status = wait_for(&format!("the guardian to end ({what})"), || guardian.try_wait().unwrap());
    assert_eq!(all_of(token), [], "{what}");
    assert_eq!(status.signal(), Some(9), "{what}");
}
