//! The history is best effort: whatever happens to its database, nobody is kept from office.

use std::fs;
use std::process::{Command, Stdio};

use oneworker_tests::{is_alive, kill_and_wait, stop, wait_until_gone, wait_until_stopped};

use super::identity;
use crate::STUCK_WRITER;

#[test]
fn a_history_full_of_garbage_keeps_nobody_from_office() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    fs::write(identity.file("lifecycle.db"), vec![0xAB; 100_000]).unwrap();
    let first = identity.patient();
    kill_and_wait(first.pid);
    let next = identity.patient();
    assert_eq!(next.epoch, 2);
    identity.stop();
}

#[test]
fn a_process_stopped_inside_a_transaction_on_the_history_keeps_nobody_from_office() {
    let identity = identity().hang_limit("2s");
    fs::create_dir(identity.state_dir()).unwrap();
    let mut writer =
        Command::new(STUCK_WRITER).arg(identity.file("lifecycle.db")).stdin(Stdio::null()).spawn().unwrap();
    wait_until_stopped(writer.id());
    let first = identity.patient();
    // Nor does it keep one from being replaced, or from stopping.
    stop(first.pid);
    let next = identity.patient();
    assert_eq!((next.outcome.as_str(), next.epoch), ("replaced", 2));
    identity.stop();
    wait_until_gone(next.pid);
    assert_eq!(identity.patient().epoch, 3);
    assert!(is_alive(writer.id()), "the writer was ended");
    writer.kill().unwrap();
    writer.wait().unwrap();
}
