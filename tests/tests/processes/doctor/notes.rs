//! The small files of the state directory.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use oneworker_tests::{kill_and_wait, stop};
use serde_json::{Value, json};

use super::{Fault, Planted, doctor, findings, found, identity, stopped};

/// One whose worker is halted, so that what is written down stays as the test has it.
fn halted(change: impl FnOnce(&mut Value)) -> Option<Planted> {
    let identity = identity();
    let worker = identity.patient();
    stop(worker.pid);
    identity.edit("worker.json", change);
    Planted::new(identity)
}

/// One that has come and gone, with a file that holds this.
fn with_file(name: &str, content: impl ToString) -> Option<Planted> {
    let identity = stopped();
    fs::write(identity.file(name), content.to_string()).unwrap();
    Planted::new(identity)
}

/// A process that is no more.
fn dead() -> u32 {
    let mut process = Command::new("true").spawn().unwrap();
    process.wait().unwrap();
    process.id()
}

fn dead_process() -> Value {
    json!({ "pid": dead(), "start_time": 1, "boot_id": "b" })
}

each! { found:
    fn a_record_that_is_none = Fault {
        plant: || with_file("worker.json", "{"),
        check: "record", level: "warning", words: "worker.json can't be read as a record", mended: true,
    };
    fn a_record_of_another_process = Fault {
        plant: || halted(|record| record["pid"] = 1.into()),
        check: "record", level: "problem", words: "is not of process", mended: false,
    };
    fn a_record_of_another_identity = Fault {
        plant: || {
            let identity = stopped();
            identity.edit("worker.json", |record| record["name"] = "somebody-else".into());
            Planted::new(identity)
        },
        check: "record", level: "problem", words: "is of the identity \"somebody-else\"", mended: false,
    };
    fn a_record_of_a_dead_worker = Fault {
        plant: || {
            let identity = identity();
            kill_and_wait(identity.patient().pid);
            Planted::new(identity)
        },
        check: "record", level: "warning", words: "that worker crashed, or was killed", mended: false,
    };
    fn a_worker_that_does_not_answer = Fault {
        plant: || halted(|_| {}),
        check: "record", level: "problem", words: "does not prove itself", mended: false,
    };
    fn a_worker_in_another_container = Fault {
        plant: || halted(|record| record["net_namespace"] = "net:[1]".into()),
        check: "surroundings", level: "problem", words: "another network namespace", mended: false,
    };
    fn a_worker_on_another_machine = Fault {
        plant: || halted(|record| record["host"] = "far-away".into()),
        check: "surroundings", level: "problem", words: "on another machine", mended: false,
    };
    fn a_record_that_lies_in_the_future = Fault {
        plant: || {
            let identity = stopped();
            let ahead = |at: &Value| Value::from(at.as_u64().unwrap() + 86_400_000);
            identity.edit("worker.json", |record| record["started_at_ms"] = ahead(&record["started_at_ms"]));
            Planted::new(identity)
        },
        check: "clock", level: "warning", words: "the last worker took office 23h 59m", mended: false,
    };
    fn a_suspicion_of_the_dead = Fault {
        plant: || with_file("suspect.json", json!({
            "schema": 1, "process": dead_process(), "since": 1, "watched_ms": 0, "last": 1, "attempts": 1, "effort_ms": 0,
        })),
        check: "notes", level: "warning", words: "which is dead", mended: true,
    };
    fn a_suspicion_that_is_none = Fault {
        plant: || with_file("watched.json", "[]"),
        check: "notes", level: "warning", words: "watched.json can't be read", mended: true,
    };
    fn a_ledger_of_upgrades_that_is_none = Fault {
        plant: || with_file("upgrades.json", "{\"schema\":"),
        check: "notes", level: "warning", words: "upgrades.json can't be read", mended: true,
    };
    fn a_note_of_a_launch_that_is_none = Fault {
        plant: || with_file("launch.json", "\u{0}"),
        check: "notes", level: "warning", words: "launch.json can't be read", mended: true,
    };
    fn an_office_that_is_kept_for_the_dead = Fault {
        plant: || {
            let mut successor = dead_process();
            (successor["schema"], successor["until"]) = (1.into(), 1.into());
            with_file("successor.json", successor)
        },
        check: "notes", level: "warning", words: "successor.json keeps office for process", mended: true,
    };
    fn an_epoch_that_is_none = Fault {
        plant: || with_file("epoch", "many"),
        check: "epoch", level: "warning", words: "epoch has no epoch in it", mended: true,
    };
    fn an_epoch_below_the_record = Fault {
        plant: || with_file("epoch", "0\n"),
        check: "epoch", level: "warning", words: "has epoch 0, and 1 was given out", mended: true,
    };
    fn an_epoch_below_the_database = Fault {
        plant: || {
            let identity = stopped();
            fs::remove_file(identity.file("worker.json")).unwrap();
            fs::remove_file(identity.file("epoch")).unwrap();
            Planted::new(identity)
        },
        check: "epoch", level: "warning", words: "epoch is missing, and epoch 1 was given out", mended: true,
    };
    fn a_crash_loop = Fault {
        plant: || {
            let identity = identity().env("ONEWORKER_BACKOFF_BASE", "10m").env("ONEWORKER_BACKOFF_MAX", "1h");
            for _ in 0..3 {
                assert_eq!(identity.failing("claim.epoch=exit:7").code, "launch_failed");
            }
            Planted::new(identity)
        },
        check: "launches", level: "problem", words: "no worker is launched for now", mended: false,
    };
    fn a_version_that_is_bad = Fault {
        plant: || {
            let identity = stopped();
            let launch: Value = serde_json::from_slice(&fs::read(identity.file("launch.json")).unwrap()).unwrap();
            let bad = json!({
                "version": env!("CARGO_PKG_VERSION"), "from": "0.0.1", "at": launch["at"], "failures": 9, "last_error": "it fell over",
            });
            let ledger = json!({ "schema": 1, "boot_id": launch["boot_id"], "versions": [bad] });
            fs::write(identity.file("upgrades.json"), ledger.to_string()).unwrap();
            Planted::new(identity)
        },
        check: "launches", level: "warning", words: "it has failed 9 times; the last: it fell over", mended: false,
    };
    fn what_a_killed_writer_left = Fault {
        plant: || {
            let identity = stopped();
            let path = identity.file(&format!(".tmp-{}-0-worker.json", dead()));
            let file = fs::File::create(path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
            Planted::new(identity)
        },
        check: "leftovers", level: "warning", words: "was left by a process that was killed", mended: true,
    };
}

#[test]
fn what_somebody_writes_just_now_is_no_leftover() {
    let identity = stopped();
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let of_living = fs::File::create(identity.file(&format!(".tmp-{}-0-epoch", std::process::id()))).unwrap();
    of_living.set_modified(hour_ago).unwrap();
    fs::write(identity.file(&format!(".tmp-{}-0-epoch", dead())), "").unwrap();
    assert!(findings(doctor(&identity)).is_empty());
}

#[test]
fn the_notes_of_a_worker_in_office_are_its_own_to_mend() {
    let identity = identity();
    let worker = identity.patient();
    fs::write(identity.file("successor.json"), "{").unwrap();
    let found = findings(doctor(&identity).arg("--repair"));
    assert_eq!((found.len(), &found[0]["repairable"]), (1, &Value::from(false)), "{found:#?}");
    assert!(identity.file("successor.json").exists());
    // What the elected write is mended beside it.
    fs::remove_file(identity.file("successor.json")).unwrap();
    fs::write(identity.file("upgrades.json"), "{").unwrap();
    let found = findings(doctor(&identity).arg("--repair"));
    assert_eq!((found.len(), &found[0]["repaired"]), (1, &Value::from(true)), "{found:#?}");
    assert!(!identity.file("upgrades.json").exists());
    assert_eq!(identity.patient().pid, worker.pid);
}

#[test]
fn an_epoch_is_mended_with_the_highest_that_was_given_out() {
    let identity = stopped();
    identity.patient();
    identity.stop();
    fs::write(identity.file("epoch"), "1\n").unwrap();
    findings(doctor(&identity).arg("--repair"));
    assert_eq!(identity.epoch(), 2);
}
