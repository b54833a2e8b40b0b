//! What else lies in a state directory, and what only looking at one leaves there: nothing.

use std::fs;
use std::process::Command;

use coordinator::machine::{Machine, TenureLook};
use coordinator::system;

use crate::identity;

#[test]
fn what_killed_writers_left_is_swept_by_the_next_worker_and_work_in_progress_is_not() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let remains = identity.file(&format!(".tmp-{}-0-worker.json", ended.id()));
    let in_progress = identity.file(&format!(".tmp-{}-0-launch.json", std::process::id()));
    let strangers = identity.file(".tmp-of-somebody-else");
    for path in [&remains, &in_progress, &strangers] {
        fs::write(path, "half").unwrap();
    }
    identity.patient();
    assert!(!remains.exists(), "the remains are still there");
    assert!(in_progress.exists(), "a living writer's file was removed");
    assert!(strangers.exists(), "a file that is nobody's business was removed");
}

#[test]
fn looking_at_an_identity_that_does_not_exist_makes_nothing() {
    let identity = identity();
    let machine: Machine = system::machine();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(machine.locks.look(&identity.state_dir())).unwrap(), TenureLook::Free);
    let output = identity.command("status").output();
    assert_eq!(output.status.code(), Some(3));
    let failure = identity.ensure().arg("--no-start").failure();
    assert_eq!(failure.code, "not_running");
    assert!(!identity.state_dir().exists());
}
