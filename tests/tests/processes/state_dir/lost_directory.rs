//! The whole state directory is emptied, removed or replaced under a worker: it puts its files back, or it stops, and never serves beside a
//! successor.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use oneworker_tests::{
    Gate, Identity, Running, agreed, free_port, go_on, kill_and_wait, stop, wait_for, wait_until_gone,
    wait_until_stopped,
};

use super::identity;
use super::tenure_lock::wait_until_locked_again;

fn answers_on(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn entries(dir: &Path) -> Vec<OsString> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

/// In one step: while its files are removed one by one, the worker puts some of them back.
fn remove_state_dir(identity: &Identity) {
    let aside = tempfile::tempdir_in(identity.scratch()).unwrap();
    fs::rename(identity.state_dir(), aside.path().join("state")).unwrap();
    // A worker that has it open may still write to it.
    let _ = aside.close();
}

#[test]
fn a_worker_whose_files_are_all_deleted_puts_them_back_and_every_session_gets_it() {
    let identity = identity();
    let worker = identity.patient();
    for _ in 0..2 {
        for entry in fs::read_dir(identity.state_dir()).unwrap().flatten() {
            let _ = fs::remove_file(entry.path());
        }
        let sessions: Vec<_> = (0..5).map(|_| identity.patient_ensure().start()).collect();
        let answers: Vec<_> = sessions.into_iter().map(Running::success).collect();
        let answer = agreed(&answers);
        assert_eq!((answer.pid, answer.epoch), (worker.pid, 1));
        wait_until_locked_again(&identity, worker.pid);
    }
    assert_eq!(identity.tenures(), [1]);
    kill_and_wait(worker.pid);
    assert_eq!(identity.patient().epoch, 2, "the record that was put back remembers the epoch");
}

#[test]
fn a_worker_whose_state_directory_is_removed_stops_by_itself_and_makes_none() {
    let identity = identity();
    let worker = identity.patient();
    remove_state_dir(&identity);
    wait_until_gone(worker.pid);
    assert!(!identity.state_dir().exists(), "it made a new one");
}

#[test]
fn a_worker_whose_state_directory_is_replaced_stops_by_itself_and_writes_nothing_into_the_new_one() {
    let identity = identity();
    let worker = identity.patient();
    identity.wait_until_noted();
    fs::rename(identity.state_dir(), identity.scratch().join("old")).unwrap();
    fs::create_dir(identity.state_dir()).unwrap();
    wait_until_gone(worker.pid);
    assert_eq!(entries(&identity.state_dir()), Vec::<OsString>::new());
}

#[test]
fn a_worker_that_has_yet_to_note_its_start_when_its_state_directory_is_replaced_writes_nothing_into_the_new_one()
 {
    let identity = identity().hang_limit("10m");
    // Its end is slow, so that whatever it had begun to write is written by then.
    let session = identity.ensure_failing("ready.reported=stop;end.begin=sleep:500").patiently().start();
    let worker = wait_for("a worker", || identity.workers().first().copied());
    wait_until_stopped(worker);
    // What it waits for does not come in this test.
    drop(session);
    fs::rename(identity.state_dir(), identity.scratch().join("old")).unwrap();
    fs::create_dir(identity.state_dir()).unwrap();
    go_on(worker);
    wait_until_gone(worker);
    assert_eq!(entries(&identity.state_dir()), Vec::<OsString>::new());
}

#[test]
fn a_session_after_the_state_directory_was_removed_gets_a_new_worker_on_the_same_port_and_the_old_one_leaves()
{
    let identity = identity().on_port(free_port());
    let mut last = identity.patient();
    for _ in 0..3 {
        remove_state_dir(&identity);
        let sessions: Vec<_> = (0..5).map(|_| identity.patient_ensure().start()).collect();
        let answers: Vec<_> = sessions.into_iter().map(Running::success).collect();
        let next = agreed(&answers);
        assert_ne!(next.pid, last.pid);
        assert_eq!(next.port, last.port);
        // It ends: it is not in office any more, and does not listen.
        wait_until_gone(last.pid);
        identity.wait_until_alone(next.pid);
        assert_eq!(identity.record().unwrap()["pid"], next.pid);
        last = next.clone();
    }
}

#[test]
fn a_worker_that_lost_its_directory_proves_nothing_to_anybody() {
    let identity = identity();
    let old = identity.patient();
    stop(old.pid);
    remove_state_dir(&identity);
    let new = identity.patient();
    assert_ne!((new.pid, new.port), (old.pid, old.port));
    go_on(old.pid);
    // Whoever still knows its port is told that it is over, if anything.
    let request = format!("http://127.0.0.1:{}/health?challenge=0123456789abcdef", old.port);
    let asked = Command::new("curl").args(["-s", "--noproxy", "*", "--max-time", "300", &request]).output();
    if let Ok(answer) = asked {
        assert!(
            !String::from_utf8_lossy(&answer.stdout).contains("\"proof\":\""),
            "{}",
            String::from_utf8_lossy(&answer.stdout)
        );
    }
    wait_until_gone(old.pid);
    assert!(!answers_on(old.port));
    assert_eq!(identity.patient().pid, new.pid);
    assert_eq!(identity.record().unwrap()["pid"], new.pid);
}

#[test]
fn a_state_directory_that_is_removed_under_a_storm_of_sessions_leaves_one_worker_in_the_end() {
    let identity = identity().on_port(free_port());
    for _ in 0..3 {
        let gate = Gate::closed();
        let sessions: Vec<_> = (0..20).map(|_| identity.patient_ensure().start_behind(&gate)).collect();
        gate.open();
        let answered = AtomicBool::new(false);
        let outputs: Vec<_> = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut removals = 0;
                while removals < 5 && !answered.load(Ordering::SeqCst) {
                    // Not all of it goes if files are made in it meanwhile.
                    removals += usize::from(
                        identity.file("worker.json").exists()
                            && fs::remove_dir_all(identity.state_dir()).is_ok(),
                    );
                    std::thread::yield_now();
                }
            });
            let outputs = sessions.into_iter().map(Running::output).collect();
            answered.store(true, Ordering::SeqCst);
            outputs
        });
        let mut codes = BTreeSet::new();
        for (output, _) in outputs {
            let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
                panic!("{:?} {}", output.status, String::from_utf8_lossy(&output.stderr))
            });
            if !output.status.success() {
                codes.insert(json["error"]["code"].as_str().unwrap().to_owned());
            }
        }
        // A directory that vanishes between two steps may be noticed, and is then named; a worker whose record is taken away each time it
        // puts it back can't be told from somebody who keeps its lock.
        let expected =
            ["state_dir", "lock_failed", "lock_leaked", "worker_failed", "launch_failed"].map(str::to_owned);
        assert!(codes.is_subset(&BTreeSet::from(expected)), "{codes:?}");
        let worker = identity.patient();
        identity.wait_until_alone(worker.pid);
        assert_eq!(identity.patient().pid, worker.pid);
    }
}
