//! Dates and moments that can't be, in files and of files: nothing is judged by them, and nothing waits for them for ever.

use std::fs;
use std::time::{Duration, SystemTime};

use coordinator::machine::ProcessIdentity;
use oneworker_tests::{Bystander, go_on, kill_and_wait, look, once_seen, stop};
use serde_json::{Value, json};

use crate::identity;

const PAST: u64 = 0;
const FUTURE: u64 = u64::MAX / 2;

#[test]
fn no_date_of_a_file_or_in_a_record_makes_a_running_worker_old_or_new() {
    let identity = identity();
    let worker = identity.patient();
    for (moment, date) in
        [(PAST, SystemTime::UNIX_EPOCH), (FUTURE, SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 33))]
    {
        identity.edit("worker.json", |record| {
            record["started_at_ms"] = moment.into();
            record["started"] = moment.into();
        });
        for entry in fs::read_dir(identity.state_dir()).unwrap().flatten() {
            // One that the worker is just writing may have its final name by now.
            let Ok(file) = fs::File::open(entry.path()) else { continue };
            file.set_times(fs::FileTimes::new().set_modified(date).set_accessed(date)).unwrap();
        }
        let answer = identity.patient();
        assert_eq!((answer.pid, answer.epoch), (worker.pid, 1));
        // `status` computes with them too.
        assert_eq!(identity.command("status").output().status.code(), Some(0));
    }
    kill_and_wait(worker.pid);
    assert_eq!(identity.patient().epoch, 2);
}

#[test]
fn a_launch_that_failed_in_the_far_past_holds_nothing_back() {
    let identity = identity();
    let first = identity.patient();
    kill_and_wait(first.pid);
    identity.edit("launch.json", |note| {
        note["at"] = PAST.into();
        note["outcome"] = json!({ "how": "failed" });
        note["failures"] = 1000.into();
    });
    assert_eq!(identity.patient().epoch, 2);
}

#[test]
fn a_launch_that_failed_in_the_far_future_holds_nothing_back_for_ever() {
    let identity = identity();
    for (epoch, outcome) in [json!({ "how": "failed" }), json!({ "how": "ready", "epoch": 2, "at": FUTURE })]
        .into_iter()
        .enumerate()
    {
        let worker = identity.patient();
        assert_eq!(worker.epoch, epoch as u64 + 1);
        kill_and_wait(worker.pid);
        identity.edit("launch.json", |note| {
            note["at"] = FUTURE.into();
            note["outcome"] = outcome;
            note["failures"] = 1000.into();
        });
    }
    assert_eq!(identity.patient().epoch, 3);
}

#[test]
fn a_launch_of_the_far_future_is_not_waited_for_for_ever() {
    let identity = identity().hang_limit("2s");
    let mut bystander = Bystander::start();
    let first = identity.patient();
    kill_and_wait(first.pid);
    let process = look(bystander.pid()).identity;
    identity.edit("launch.json", |note| {
        note["at"] = FUTURE.into();
        note["outcome"] = Value::Null;
        note["process"] = serde_json::to_value(&process).unwrap();
    });
    assert_eq!(identity.patient().epoch, 2);
    bystander.assert_untouched();
}

fn suspicion(process: &ProcessIdentity, at: u64, watched_ms: u64) -> String {
    json!({
        "schema": 1, "process": process, "since": at, "last": at, "watched_ms": watched_ms, "attempts": 3, "effort_ms": 0,
    })
    .to_string()
}

#[test]
fn a_suspicion_from_the_far_future_does_not_protect_a_hung_worker() {
    let identity = identity().hang_limit("2s");
    let first = identity.patient();
    stop(first.pid);
    fs::write(identity.file("suspect.json"), suspicion(&look(first.pid).identity, FUTURE, 0)).unwrap();
    let next = identity.patient();
    assert_eq!((next.outcome.as_str(), next.epoch), ("replaced", 2));
}

#[test]
fn a_suspicion_of_another_process_does_not_condemn_this_one() {
    let identity = identity().hang_limit("10m");
    let worker = identity.patient();
    stop(worker.pid);
    let mut process = look(worker.pid).identity;
    process.start_time.0 -= 1;
    fs::write(identity.file("suspect.json"), suspicion(&process, PAST, 100_000_000)).unwrap();
    once_seen(&["unresponsive"], || identity.ensure());
    go_on(worker.pid);
    assert_eq!(identity.patient().pid, worker.pid);
}
