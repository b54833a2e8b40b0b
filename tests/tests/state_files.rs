//! Somebody deletes, truncates, overwrites or replaces what lies in the state directory, under a worker or with none: no state of any
//! file makes a second worker, and none but a directory in a file's place keeps one from office.

#![allow(missing_docs, reason = "the names say it")]
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use coordinator::machine::{ElectionGuard, Machine, TenureLook};
use coordinator::system;
use oneworker_tests::{
    Gate, Identity, Running, Success, agreed, free_port, go_on, is_alive, kill, stop, wait_for,
    wait_until_gone, wait_until_stopped,
};
use rustix::process::{Flock, FlockType, fcntl_getlk};

const BINARY: &str = env!("CARGO_BIN_EXE_oneworker-under-test");
const STUCK_WRITER: &str = env!("CARGO_BIN_EXE_stuck-writer");

/// What a worker in office keeps published.
const PUBLISHED: [&str; 4] = ["worker.json", "token", "worker.pid", "proof.key"];
/// All that is read by somebody.
const FILES: [&str; 7] =
    ["worker.json", "token", "worker.pid", "proof.key", "epoch", "launch.json", "suspect.json"];

/// Any free port; no launch is ever held back, since these tests kill many workers.
fn identity() -> Identity {
    Identity::new(BINARY).env("ONEWORKER_BACKOFF_BASE", "0ms")
}

fn patient(identity: &Identity) -> Success {
    identity.ensure().args(["--deadline", "60s"]).success()
}

/// What can become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Missing,
    Empty,
    HalfWritten,
    Garbage,
    OfAnotherBoot,
    Fifo,
    Symlink,
    Directory,
}

impl Damage {
    fn on(self, identity: &Identity, name: &str) {
        let path = identity.file(name);
        let whole = fs::read(&path).unwrap_or_else(|_| b"{\"schema\":1,\"process\":{\"pid\":1".to_vec());
        let _ = fs::remove_file(&path);
        match self {
            Self::Missing => {}
            Self::Empty => drop(File::create(&path).unwrap()),
            Self::HalfWritten => fs::write(&path, &whole[..whole.len() / 2]).unwrap(),
            Self::Garbage => fs::write(&path, [0xFF, 0x00, b'{', 0xC3, 0x28].repeat(50_000)).unwrap(),
            Self::OfAnotherBoot => {
                let text = String::from_utf8(whole).unwrap();
                let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
                fs::write(&path, text.replace(boot.trim(), "00000000-0000-4000-8000-000000000000")).unwrap();
            }
            Self::Fifo => rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).unwrap(),
            Self::Symlink => symlink(victim(identity), &path).unwrap(),
            Self::Directory => fs::create_dir(&path).unwrap(),
        }
    }
}

/// Where planted symbolic links lead.
fn victim(identity: &Identity) -> std::path::PathBuf {
    identity.scratch().join("victim")
}

/// With a worker running: every session gets that worker, and it puts back what it keeps published.
fn is_survived_by_a_worker(damage: Damage) {
    let identity = identity();
    fs::write(victim(&identity), "precious").unwrap();
    let worker = patient(&identity);
    let before = PUBLISHED.map(|name| fs::read(identity.file(name)).unwrap());
    for name in FILES {
        damage.on(&identity, name);
        let answer = patient(&identity);
        assert_eq!(
            (answer.pid, answer.epoch, answer.port),
            (worker.pid, 1, worker.port),
            "{damage:?} {name}"
        );
        wait_for(&format!("{name} to be put back ({damage:?})"), || {
            let healed = |(name, bytes): (&str, &Vec<u8>)| {
                fs::read(identity.file(name)).is_ok_and(|now| now == *bytes)
            };
            PUBLISHED.into_iter().zip(&before).all(healed).then_some(())
        });
    }
    assert_eq!(fs::read_to_string(victim(&identity)).unwrap(), "precious");
    identity.wait_until_alone(worker.pid);
    assert_eq!(identity.tenures(), [1]);
}

/// With none running: the next session gets a new one, and epochs go on.
fn is_survived_without_a_worker(damage: Damage) {
    let identity = identity();
    fs::write(victim(&identity), "precious").unwrap();
    let mut last = patient(&identity);
    for name in FILES {
        kill(last.pid);
        wait_until_gone(last.pid);
        damage.on(&identity, name);
        let next = patient(&identity);
        assert_eq!(next.epoch, last.epoch + 1, "{damage:?} {name}");
        assert_eq!(next.epoch, identity.epoch(), "{damage:?} {name}");
        identity.wait_until_alone(next.pid);
        last = next;
    }
    assert_eq!(fs::read_to_string(victim(&identity)).unwrap(), "precious");
}

macro_rules! damages {
    ($check:ident: $($name:ident = $damage:ident;)*) => { $(#[test] fn $name() { $check(Damage::$damage); })* };
}

damages! { is_survived_by_a_worker:
    a_worker_puts_back_what_is_deleted = Missing;
    a_worker_puts_back_what_is_emptied = Empty;
    a_worker_puts_back_what_is_cut_in_half = HalfWritten;
    a_worker_puts_back_what_is_overwritten_with_garbage = Garbage;
    a_worker_puts_back_what_speaks_of_another_boot = OfAnotherBoot;
    a_worker_puts_back_what_is_replaced_by_a_fifo = Fifo;
    a_worker_puts_back_what_is_replaced_by_a_symbolic_link_and_leaves_its_target_alone = Symlink;
}

damages! { is_survived_without_a_worker:
    no_deleted_file_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = Missing;
    no_emptied_file_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = Empty;
    no_half_written_file_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = HalfWritten;
    no_garbage_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = Garbage;
    no_file_of_another_boot_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = OfAnotherBoot;
    no_fifo_keeps_a_worker_from_office_or_makes_an_epoch_come_twice = Fifo;
    no_symbolic_link_keeps_a_worker_from_office_or_is_written_through = Symlink;
}

#[test]
fn a_directory_in_a_files_place_is_named_and_once_it_is_gone_all_is_well() {
    let identity = identity();
    let mut last = patient(&identity);
    for name in FILES {
        kill(last.pid);
        wait_until_gone(last.pid);
        Damage::Directory.on(&identity, name);
        let (output, _) = identity.ensure().args(["--deadline", "60s"]).start().output();
        if !output.status.success() {
            let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(json["error"]["worker_code"], "state_dir", "{name}: {json}");
            assert!(json["error"]["message"].as_str().unwrap().contains("directory"), "{name}: {json}");
            // Those that are only hints keep nobody from office.
            assert!(!["launch.json", "suspect.json"].contains(&name), "{name}");
            fs::remove_dir(identity.file(name)).unwrap();
        }
        let next = patient(&identity);
        assert!(next.epoch > last.epoch, "{name}: {} after {}", next.epoch, last.epoch);
        identity.wait_until_alone(next.pid);
        let _ = fs::remove_dir(identity.file(name));
        last = next;
    }
}

#[test]
fn a_worker_outlives_a_directory_in_a_files_place_and_puts_the_file_back_when_it_is_gone() {
    // A fixed port, so that sessions find it without its record.
    let identity = identity().on_port(free_port()).flag("--hang-limit", "10m");
    let worker = patient(&identity);
    for name in FILES {
        Damage::Directory.on(&identity, name);
        let (output, _) = identity.ensure().args(["--deadline", "1s"]).start().output();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        match output.status.code() {
            Some(0) => assert_eq!(json["pid"], worker.pid, "{name}"),
            // Without the key nobody can prove anything.
            _ => assert_eq!(
                (name, json["error"]["code"].as_str()),
                ("proof.key", Some("unresponsive")),
                "{json}"
            ),
        }
        fs::remove_dir(identity.file(name)).unwrap();
        if PUBLISHED.contains(&name) {
            wait_for("the file to be put back", || identity.file(name).is_file().then_some(()));
        }
        assert_eq!(patient(&identity).pid, worker.pid, "{name}");
    }
    assert_eq!((identity.workers(), identity.tenures()), (vec![worker.pid], vec![1]));
}

// ---- epochs

#[test]
fn a_lost_epoch_file_is_made_up_for_by_the_old_record() {
    let identity = identity();
    for epoch in 1..=3 {
        let worker = patient(&identity);
        assert_eq!((worker.epoch, identity.epoch()), (epoch, epoch));
        kill(worker.pid);
        wait_until_gone(worker.pid);
        fs::remove_file(identity.file("epoch")).unwrap();
    }
}

#[test]
fn a_lost_record_is_made_up_for_by_the_epoch_file() {
    let identity = identity();
    for epoch in 1..=3 {
        let worker = patient(&identity);
        assert_eq!((worker.epoch, identity.epoch()), (epoch, epoch));
        kill(worker.pid);
        wait_until_gone(worker.pid);
        fs::remove_file(identity.file("worker.json")).unwrap();
    }
}

#[test]
fn a_worker_that_died_before_it_drew_its_epoch_does_not_make_its_record_forget_the_last_one() {
    let identity = identity();
    let first = patient(&identity);
    kill(first.pid);
    wait_until_gone(first.pid);
    fs::remove_file(identity.file("epoch")).unwrap();
    let failure = identity.ensure_failing("claim.recorded=kill").args(["--deadline", "60s"]).failure();
    assert_eq!(failure.code, "launch_failed", "{:?}", failure.error);
    assert_eq!(patient(&identity).epoch, 2);
}

// ---- locks

/// Whom the kernel names as holder of the lock of the file that is at the path now.
fn lock_holder(identity: &Identity) -> Option<u32> {
    let file = File::options().read(true).write(true).open(identity.file("worker.lock")).ok()?;
    let holder = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).unwrap()?.pid?;
    u32::try_from(holder.as_raw_nonzero().get()).ok()
}

fn wait_until_locked_again(identity: &Identity, worker: u32) {
    wait_for("the worker to lock its new lock file", || {
        (lock_holder(identity) == Some(worker)).then_some(())
    });
}

/// Sessions and workers started by hand: all of them come to the worker in office.
fn assert_still_the_one(identity: &Identity, worker: &Success) {
    let gate = Gate::closed();
    let serves: Vec<_> = (0..5).map(|_| identity.command("serve").start_behind(&gate)).collect();
    let sessions: Vec<_> =
        (0..5).map(|_| identity.ensure().args(["--deadline", "60s"]).start_behind(&gate)).collect();
    gate.open();
    for serve in serves {
        let pid = serve.pid();
        wait_for("a worker that found somebody in office to end", || (!is_alive(pid)).then_some(()));
        let (output, _) = serve.output();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let answers: Vec<_> = sessions.into_iter().map(Running::success).collect();
    assert_eq!(agreed(&answers).pid, worker.pid);
    assert_eq!((identity.epoch(), identity.tenures()), (worker.epoch, vec![worker.epoch]));
    identity.wait_until_alone(worker.pid);
}

#[test]
fn a_deleted_lock_file_is_made_and_locked_again_and_costs_nobody_anything() {
    let identity = identity();
    let worker = patient(&identity);
    assert_eq!(lock_holder(&identity), Some(worker.pid));
    for _ in 0..3 {
        fs::remove_file(identity.file("worker.lock")).unwrap();
        assert_still_the_one(&identity, &worker);
        wait_until_locked_again(&identity, worker.pid);
    }
}

#[test]
fn a_replaced_lock_file_is_locked_by_the_worker_and_costs_nobody_anything() {
    let identity = identity();
    let worker = patient(&identity);
    for _ in 0..3 {
        let other = identity.file("other");
        File::create(&other).unwrap();
        fs::rename(&other, identity.file("worker.lock")).unwrap();
        assert_still_the_one(&identity, &worker);
        wait_until_locked_again(&identity, worker.pid);
    }
}

#[test]
fn nobody_takes_office_beside_a_stopped_worker_whose_lock_file_was_deleted() {
    let identity = identity().flag("--hang-limit", "10m");
    let worker = patient(&identity);
    stop(worker.pid);
    fs::remove_file(identity.file("worker.lock")).unwrap();
    for _ in 0..2 {
        let serve = identity.command("serve").start();
        let pid = serve.pid();
        wait_for("a worker that found somebody in office to end", || (!is_alive(pid)).then_some(()));
        let (output, _) = serve.output();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains(&format!("(pid {})", worker.pid)), "{said}");
    }
    let failure = identity.ensure().args(["--deadline", "2s"]).failure();
    assert_eq!(
        (failure.code.as_str(), failure.error["pid"].as_u64()),
        ("unresponsive", Some(worker.pid.into()))
    );
    assert_eq!(identity.tenures(), [1]);
    go_on(worker.pid);
    assert_still_the_one(&identity, &worker);
    wait_until_locked_again(&identity, worker.pid);
}

/// While the elected session is stopped, its lock file is taken from under it: the others elect another, and in the end one worker serves
/// them all.
fn election_survives(change: impl Fn(&Path)) {
    let identity = identity();
    let stopped = identity.ensure_failing("elect.won=stop").args(["--deadline", "5m"]).start();
    wait_until_stopped(stopped.pid());
    change(&identity.file("spawn.lock"));
    let others: Vec<_> = (0..8).map(|_| identity.ensure().args(["--deadline", "60s"]).start()).collect();
    let answers: Vec<_> = others.into_iter().map(Running::success).collect();
    let worker = agreed(&answers);
    go_on(stopped.pid());
    assert_eq!(stopped.success().pid, worker.pid);
    identity.wait_until_alone(worker.pid);
    assert_eq!((identity.epoch(), identity.tenures(), identity.needless_launches()), (1, vec![1], 0));
}

#[test]
fn an_election_lock_that_is_deleted_while_held_delays_nobody() {
    election_survives(|lock| fs::remove_file(lock).unwrap());
}

#[test]
fn an_election_lock_that_is_replaced_while_held_delays_nobody() {
    election_survives(|lock| {
        let other = lock.with_file_name("other");
        File::create(&other).unwrap();
        fs::rename(other, lock).unwrap();
    });
}

fn elect(identity: &Identity) -> Option<Box<dyn ElectionGuard>> {
    // The system's election waits for nothing, so it needs no runtime.
    let waker = std::task::Waker::noop();
    let (machine, dir) = (system::machine(), identity.state_dir());
    let mut election = machine.locks.try_elect(&dir, 0);
    match election.as_mut().poll(&mut std::task::Context::from_waker(waker)) {
        std::task::Poll::Ready(elected) => elected.unwrap(),
        std::task::Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn while_one_is_elected_nobody_else_is_in_the_same_process() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    let elected = elect(&identity).expect("nobody else is elected");
    assert!(elect(&identity).is_none(), "two are elected");
    drop(elected);
    assert!(elect(&identity).is_some());
}

#[test]
fn a_lock_on_a_file_that_nobody_can_find_elects_nobody() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    // The library keeps an opened lock for the whole process as long as somebody has it.
    let opened = named_lock::NamedLock::with_path(identity.file("spawn.lock")).unwrap();
    fs::remove_file(identity.file("spawn.lock")).unwrap();
    assert!(elect(&identity).is_none(), "another process could be elected beside it");
    drop(opened);
    assert!(elect(&identity).is_some());
}

#[test]
fn a_lock_on_a_file_that_was_replaced_since_it_was_opened_elects_nobody() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    let path = identity.file("spawn.lock");
    for _ in 0..400 {
        // While this process is elected, the file is replaced, and somebody else is elected by the new one.
        let elected = elect(&identity).expect("nobody else is elected");
        fs::remove_file(&path).unwrap();
        let other = File::create(&path).unwrap();
        rustix::fs::flock(&other, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        let (tries, released) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            // Another thread, in just the instant in which the old lock is let go.
            scope.spawn(|| {
                while !released.load(Ordering::SeqCst) {
                    assert!(elect(&identity).is_none(), "two are elected");
                    tries.fetch_add(1, Ordering::SeqCst);
                }
            });
            while tries.load(Ordering::SeqCst) < 3 {
                std::hint::spin_loop();
            }
            drop(elected);
            released.store(true, Ordering::SeqCst);
        });
        assert!(elect(&identity).is_none(), "two are elected");
        // Not by closing: a process that another test starts just now has a copy.
        rustix::fs::flock(&other, rustix::fs::FlockOperation::Unlock).unwrap();
    }
}

#[test]
fn a_fifo_in_the_place_of_the_election_lock_is_an_error_and_no_endless_wait() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, identity.file("spawn.lock"), 0o600.into()).unwrap();
    let session = identity.ensure().args(["--deadline", "5s"]).start();
    let pid = session.pid();
    wait_for("the session to end by itself", || (!is_alive(pid)).then_some(()));
    let failure = session.failure();
    assert_eq!(failure.code, "lock_failed", "{:?}", failure.error);
    assert!(failure.error["message"].as_str().unwrap().contains("spawn.lock"), "{:?}", failure.error);
}

#[test]
fn nothing_but_a_file_is_taken_for_the_tenure_lock() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    fs::write(victim(&identity), "precious").unwrap();
    for damage in [Damage::Symlink, Damage::Directory] {
        damage.on(&identity, "worker.lock");
        let failure = identity.ensure().args(["--deadline", "60s"]).failure();
        assert_eq!(failure.code, "lock_failed", "{damage:?}: {:?}", failure.error);
        let path = identity.file("worker.lock");
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
    }
    assert_eq!(identity.workers(), Vec::<u32>::new());
    assert_eq!(patient(&identity).epoch, 1);
}

// ---- the whole directory

fn answers_on(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
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
    let worker = patient(&identity);
    for _ in 0..2 {
        for entry in fs::read_dir(identity.state_dir()).unwrap().flatten() {
            let _ = fs::remove_file(entry.path());
        }
        let sessions: Vec<_> =
            (0..5).map(|_| identity.ensure().args(["--deadline", "60s"]).start()).collect();
        let answers: Vec<_> = sessions.into_iter().map(Running::success).collect();
        let answer = agreed(&answers);
        assert_eq!((answer.pid, answer.epoch), (worker.pid, 1));
        wait_until_locked_again(&identity, worker.pid);
    }
    assert_eq!(identity.tenures(), [1]);
    kill(worker.pid);
    wait_until_gone(worker.pid);
    assert_eq!(patient(&identity).epoch, 2, "the record that was put back remembers the epoch");
}

#[test]
fn a_worker_whose_state_directory_is_removed_stops_by_itself_and_makes_none() {
    let identity = identity();
    let worker = patient(&identity);
    remove_state_dir(&identity);
    wait_until_gone(worker.pid);
    assert!(!identity.state_dir().exists(), "it made a new one");
}

#[test]
fn a_worker_whose_state_directory_is_replaced_stops_by_itself_and_writes_nothing_into_the_new_one() {
    let identity = identity();
    let worker = patient(&identity);
    fs::rename(identity.state_dir(), identity.scratch().join("old")).unwrap();
    fs::create_dir(identity.state_dir()).unwrap();
    wait_until_gone(worker.pid);
    let found: Vec<_> =
        fs::read_dir(identity.state_dir()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(found, Vec::<std::ffi::OsString>::new());
}

#[test]
fn a_session_after_the_state_directory_was_removed_gets_a_new_worker_on_the_same_port_and_the_old_one_leaves()
{
    let identity = identity().on_port(free_port());
    let mut last = patient(&identity);
    for _ in 0..3 {
        remove_state_dir(&identity);
        let sessions: Vec<_> =
            (0..5).map(|_| identity.ensure().args(["--deadline", "60s"]).start()).collect();
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
    let old = patient(&identity);
    stop(old.pid);
    remove_state_dir(&identity);
    let new = patient(&identity);
    assert_ne!((new.pid, new.port), (old.pid, old.port));
    go_on(old.pid);
    // Whoever still knows its port is told that it is over, if anything.
    let request = format!("http://127.0.0.1:{}/health?challenge=0123456789abcdef", old.port);
    let asked = Command::new("curl").args(["-s", "--noproxy", "*", "--max-time", "20", &request]).output();
    if let Ok(answer) = asked {
        assert!(
            !String::from_utf8_lossy(&answer.stdout).contains("\"proof\":\""),
            "{}",
            String::from_utf8_lossy(&answer.stdout)
        );
    }
    wait_until_gone(old.pid);
    assert!(!answers_on(old.port));
    assert_eq!(patient(&identity).pid, new.pid);
    assert_eq!(identity.record().unwrap()["pid"], new.pid);
}

#[test]
fn a_state_directory_that_is_removed_under_a_storm_of_sessions_leaves_one_worker_in_the_end() {
    let identity = identity().on_port(free_port());
    for _ in 0..3 {
        let gate = Gate::closed();
        let sessions: Vec<_> =
            (0..20).map(|_| identity.ensure().args(["--deadline", "60s"]).start_behind(&gate)).collect();
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
        for (output, took) in outputs {
            let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
                panic!("{:?} {}", output.status, String::from_utf8_lossy(&output.stderr))
            });
            assert!(took < Duration::from_secs(62), "{took:?}");
            if !output.status.success() {
                codes.insert(json["error"]["code"].as_str().unwrap().to_owned());
            }
        }
        // A directory that vanishes between two steps may be noticed, and is then named; a worker whose record is taken away each time it
        // puts it back can't be told from somebody who keeps its lock.
        let expected =
            ["state_dir", "lock_failed", "lock_leaked", "worker_failed", "launch_failed"].map(str::to_owned);
        assert!(codes.is_subset(&BTreeSet::from(expected)), "{codes:?}");
        let worker = patient(&identity);
        identity.wait_until_alone(worker.pid);
        assert_eq!(patient(&identity).pid, worker.pid);
    }
}

// ---- what else lies there

#[test]
fn a_history_full_of_garbage_keeps_nobody_from_office() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    fs::write(identity.file("lifecycle.db"), vec![0xAB; 100_000]).unwrap();
    let first = identity.ensure().success();
    kill(first.pid);
    wait_until_gone(first.pid);
    let next = patient(&identity);
    assert_eq!(next.epoch, 2);
    identity.stop();
}

#[test]
fn a_process_stopped_inside_a_transaction_on_the_history_keeps_nobody_from_office() {
    let identity = identity().flag("--hang-limit", "1s");
    fs::create_dir(identity.state_dir()).unwrap();
    let mut writer =
        Command::new(STUCK_WRITER).arg(identity.file("lifecycle.db")).stdin(Stdio::null()).spawn().unwrap();
    wait_until_stopped(writer.id());
    let first = identity.ensure().success();
    // Nor does it keep one from being replaced, or from stopping.
    stop(first.pid);
    let next = patient(&identity);
    assert_eq!((next.outcome.as_str(), next.epoch), ("replaced", 2));
    identity.stop();
    wait_until_gone(next.pid);
    assert_eq!(patient(&identity).epoch, 3);
    assert!(is_alive(writer.id()), "the writer was ended");
    writer.kill().unwrap();
    writer.wait().unwrap();
}

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
    patient(&identity);
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
    let (output, _) = identity.command("status").start().output();
    assert_eq!(output.status.code(), Some(3));
    let failure = identity.ensure().arg("--no-start").failure();
    assert_eq!(failure.code, "not_running");
    assert!(!identity.state_dir().exists());
}
