//! A pid in a file, or a process that keeps a lock, may be anybody's by now: nobody is waited for, believed or ended for it.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Instant;

use oneworker_tests::{AT_ONCE, Bystander, Identity, is_alive, kill_and_wait, look, stop};

use crate::{FORKED_HOLDER, identity};

/// Rewrites the record, so that it names this process.
fn name_in_record(identity: &Identity, pid: u32, start_time: Option<u64>) {
    identity.edit("worker.json", |record| {
        record["pid"] = pid.into();
        if let Some(start_time) = start_time {
            record["start_time"] = start_time.into();
        }
    });
    std::fs::write(identity.file("worker.pid"), format!("{pid}\n")).unwrap();
}

fn start_time(pid: u32) -> u64 {
    look(pid).identity.start_time.0
}

#[test]
fn a_dead_workers_pid_that_belongs_to_somebody_else_now_is_left_alone() {
    let identity = identity().hang_limit("10m");
    let mut bystander = Bystander::start();
    let first = identity.patient();
    kill_and_wait(first.pid);
    // The dead worker's start time stays in the record.
    name_in_record(&identity, bystander.pid(), None);
    identity.assert_recovered(1);
    bystander.assert_untouched();
}

#[test]
fn a_record_that_wholly_names_a_living_stranger_means_nothing_while_the_lock_is_free() {
    let identity = identity().hang_limit("10m");
    let mut bystander = Bystander::start();
    let first = identity.patient();
    kill_and_wait(first.pid);
    name_in_record(&identity, bystander.pid(), Some(start_time(bystander.pid())));
    let begun = Instant::now();
    identity.assert_recovered(1);
    assert!(begun.elapsed() < AT_ONCE, "it was waited for");
    bystander.assert_untouched();
}

#[test]
fn a_hung_worker_is_ended_and_not_the_stranger_that_the_record_names() {
    let identity = identity().hang_limit("2s");
    let mut bystander = Bystander::start();
    let first = identity.patient();
    stop(first.pid);
    name_in_record(&identity, bystander.pid(), Some(start_time(bystander.pid())));
    identity.assert_recovered(1);
    assert!(!is_alive(first.pid));
    bystander.assert_untouched();
}

#[test]
fn a_launch_note_whose_pid_belongs_to_somebody_else_now_is_neither_waited_for_nor_acted_on() {
    let identity = identity().hang_limit("1h");
    let mut bystander = Bystander::start();
    let first = identity.patient();
    kill_and_wait(first.pid);
    identity.edit("launch.json", |note| {
        note["process"]["pid"] = bystander.pid().into();
        // The dead worker's own may be the bystander's: the kernel counts in hundredths of a second.
        note["process"]["start_time"] = (start_time(bystander.pid()) - 1).into();
        note["outcome"] = serde_json::Value::Null;
    });
    let begun = Instant::now();
    identity.assert_recovered(1);
    assert!(begun.elapsed() < AT_ONCE, "it was waited for");
    bystander.assert_untouched();
}

#[test]
fn a_process_that_only_looks_like_a_worker_is_left_alone() {
    let identity = identity().hang_limit("2s");
    let first = identity.patient();
    // To whoever goes by the text of `ps`.
    let arguments =
        format!("{} serve --state-dir {}", identity.binary().display(), identity.state_dir().display());
    let mut bystander = Bystander::named(&arguments);
    stop(first.pid);
    let next = identity.patient();
    assert_eq!(next.outcome, "replaced");
    stop(next.pid);
    let stopped = identity.command("stop").args(["--force"]).within("16s").output();
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    bystander.assert_untouched();
}

#[test]
fn a_lock_kept_by_a_forked_child_is_named_and_the_child_is_not_killed() {
    let identity = identity();
    let mut parent = Command::new(FORKED_HOLDER)
        .arg(identity.state_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let child: u32 = line.trim().parse().unwrap();
    parent.kill().unwrap();
    assert_eq!(parent.wait().unwrap().signal(), Some(9));

    let failure = identity.patient_ensure().failure();
    assert_eq!(failure.code, "lock_leaked", "{:?}", failure.error);
    assert_eq!(failure.error["pids"], serde_json::json!([child]));
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    assert!(is_alive(child), "it was killed");
    assert_eq!(identity.epoch(), 1, "something took office beside it");

    kill_and_wait(child);
    identity.assert_recovered(1);
}
