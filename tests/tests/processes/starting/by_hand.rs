//! `serve` started by hand, past every election: the tenure lock alone decides, and those that lose touch nothing.

use std::fs;
use std::os::unix::fs::MetadataExt;

use coordinator::lifecycle::read_history;
use oneworker_tests::{Gate, Running, agreed, all_at_once, wait_for};

use crate::identity;

/// Fails unless it ended with status 0, naming the worker in office.
fn assert_lost_to(worker: u32, serve: Running) {
    let (output, _) = serve.output();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(said.contains(&format!("(pid {worker})")), "it does not say who is in office: {said}");
}

#[test]
fn fifty_serves_beside_fifty_ensures_give_one_worker_and_the_others_say_who_it_is() {
    let identity = identity();
    let gate = Gate::closed();
    let mut serves = Vec::new();
    let mut sessions = Vec::new();
    for _ in 0..50 {
        serves.push(identity.command("serve").start_behind(&gate));
        sessions.push(identity.patient_ensure().start_behind(&gate));
    }
    gate.open();
    let answers: Vec<_> = sessions.into_iter().map(Running::success).collect();
    let worker = agreed(&answers);
    let (winner, losers): (Vec<_>, Vec<_>) = serves.into_iter().partition(|serve| serve.pid() == worker.pid);
    losers.into_iter().for_each(|loser| assert_lost_to(worker.pid, loser));
    identity.wait_until_alone(worker.pid);
    assert_eq!((worker.epoch, identity.epoch()), (1, 1), "one tenure");
    drop(winner);
}

#[test]
fn serves_that_lose_leave_record_secrets_history_and_port_untouched() {
    let identity = identity();
    let worker = identity.ensure().success();
    let look = || {
        let files = [
            "worker.json",
            "token",
            "proof.key",
            "worker.pid",
            "epoch",
            "worker.lock",
            "launch.json",
            "logs/worker.log",
        ];
        let files = files.map(|name| {
            let path = identity.file(name);
            let meta = fs::metadata(&path).unwrap();
            (name, fs::read(&path).unwrap(), meta.ino(), meta.mtime_nsec(), meta.mode())
        });
        let listening = format!(":{:04X} 00000000:0000 0A", worker.port);
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let socket = table
            .lines()
            .find(|line| line.contains(&listening))
            .and_then(|line| line.split_whitespace().nth(9));
        (files, socket.unwrap().to_owned(), read_history(&identity.state_dir(), 1000).unwrap())
    };
    identity.wait_until_noted();
    wait_for("the last line of the start", || identity.log().contains("ready at").then_some(()));
    let before = look();
    let losers = all_at_once((0..20).map(|_| identity.command("serve")));
    losers.into_iter().for_each(|loser| assert_lost_to(worker.pid, loser));
    assert_eq!(look(), before);
    let again = identity.ensure().success();
    assert_eq!((again.outcome.as_str(), again.pid, again.epoch), ("reused", worker.pid, 1));
}
