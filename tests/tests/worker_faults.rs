//! The worker fails on its way into office, in office, or only seems to. Dead, hung, stopped, busy, starting and halted are different
//! things, and only some of them cost a worker its office.

// All of this is test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use oneworker_tests::{
    Bystander, Debugger, Failure, Gate, Identity, Running, Success, agreed, is_alive, kill, stop, wait_for,
    wait_until_gone,
};

const BINARY: &str = env!("CARGO_BIN_EXE_oneworker-under-test");
const FORKED_HOLDER: &str = env!("CARGO_BIN_EXE_forked-holder");

/// Far below the deadlines of 60 s: an error that comes within this did not wait for anything.
const AT_ONCE: Duration = Duration::from_secs(10);

fn identity() -> Identity {
    Identity::new(BINARY)
}

/// A session that has all the time in the world.
fn patient(identity: &Identity) -> Success {
    identity.ensure().args(["--deadline", "60s"]).success()
}

fn failing(identity: &Identity, failpoints: &str) -> Failure {
    identity.ensure_failing(failpoints).args(["--deadline", "60s"]).failure()
}

/// The next session's worker is a fresh one, and the only one.
fn assert_recovered(identity: &Identity, epoch_before: u64) -> Success {
    let worker = patient(identity);
    assert!(worker.epoch > epoch_before, "epoch {} after {epoch_before}", worker.epoch);
    assert_eq!(worker.epoch, identity.epoch());
    identity.wait_until_alone(worker.pid);
    worker
}

// ---- dead

/// The caller learns at once how the worker died; the next one gets a worker.
fn killed_at(point: &str) {
    let identity = identity();
    let failure = failing(&identity, &format!("{point}=kill"));
    assert_eq!(failure.code, "launch_failed", "{:?}", failure.error);
    assert_eq!(failure.error["signal"], 9);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    let epoch = identity.epoch();
    assert_recovered(&identity, epoch);
}

macro_rules! points {
    ($($name:ident = $point:literal;)*) => { $(#[test] fn $name() { killed_at($point); })* };
}

points! {
    a_worker_killed_before_it_does_anything_is_reported_and_followed = "serve.start";
    a_worker_killed_before_its_claim_is_reported_and_followed = "claim.before";
    a_worker_killed_when_it_has_the_lock_is_reported_and_followed = "claim.locked";
    a_worker_killed_after_its_first_record_is_reported_and_followed = "claim.recorded";
    a_worker_killed_after_it_drew_its_epoch_is_reported_and_followed = "claim.epoch";
    a_worker_killed_before_it_binds_is_reported_and_followed = "bind.before";
    a_worker_killed_after_it_bound_is_reported_and_followed = "bind.after";
    a_worker_killed_after_it_wrote_its_secrets_is_reported_and_followed = "ready.secrets";
    a_worker_killed_after_its_record_says_ready_is_reported_and_followed = "ready.record";
}

#[test]
fn a_worker_that_always_dies_right_after_its_readiness_report_is_not_started_for_ever() {
    let identity = identity();
    let failure = failing(&identity, "ready.reported=kill");
    // Each report is followed by a probe that finds nobody, so the same session tries again, as often as is free.
    assert_eq!(failure.code, "cooling_down", "{:?}", failure.error);
    assert_eq!(failure.error["attempts"], 3);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    assert_eq!(identity.epoch(), 3);
    let worker = wait_for("the end of the backoff", || {
        let (output, _) = identity.ensure().args(["--deadline", "60s"]).start().output();
        output.status.success().then(|| patient(&identity))
    });
    assert_eq!(worker.epoch, 4);
    identity.wait_until_alone(worker.pid);
}

#[test]
fn a_worker_killed_in_office_is_followed_by_the_next_epoch() {
    let identity = identity();
    let first = patient(&identity);
    kill(first.pid);
    wait_until_gone(first.pid);
    let next = assert_recovered(&identity, 1);
    assert_eq!((next.outcome.as_str(), next.epoch), ("started", 2));
    assert_ne!(next.pid, first.pid);
}

#[test]
fn sessions_that_meet_a_worker_killed_a_moment_ago_all_get_its_one_successor() {
    let identity = identity();
    let first = patient(&identity);
    let gate = Gate::closed();
    let sessions: Vec<_> =
        (0..20).map(|_| identity.ensure().args(["--deadline", "60s"]).start_behind(&gate)).collect();
    kill(first.pid);
    gate.open();
    let answers: Vec<_> = sessions.into_iter().map(Running::success).collect();
    // A session may have had its answer in the instant before the death; none after.
    let after: Vec<_> = answers.into_iter().filter(|answer| answer.epoch > 1).collect();
    assert_eq!(agreed(&after).epoch, 2);
    identity.wait_until_alone(after[0].pid);
}

#[test]
fn a_worker_that_exits_at_its_start_is_reported_with_status_and_log_at_once() {
    let identity = identity();
    let failure = failing(&identity, "serve.start=exit:7");
    assert_eq!((failure.code.as_str(), failure.status), ("launch_failed", 32));
    assert_eq!(failure.error["exit_status"], 7);
    assert!(failure.error["log_tail"].is_string());
    assert!(failure.took < Duration::from_secs(3), "{:?}", failure.took);
}

#[test]
fn the_end_of_a_dead_workers_log_is_in_the_error() {
    let identity = identity();
    let failure = failing(&identity, "bind.before=panic");
    assert_eq!(failure.code, "launch_failed");
    let tail = failure.error["log_tail"].as_str().unwrap();
    assert!(tail.contains("failpoint bind.before"), "{tail}");
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
}

#[test]
fn a_crash_loop_is_held_back_for_all_sessions_together() {
    let identity = identity().env("ONEWORKER_BACKOFF_BASE", "10m").env("ONEWORKER_BACKOFF_MAX", "1h");
    for _ in 0..3 {
        assert_eq!(failing(&identity, "claim.epoch=exit:7").code, "launch_failed");
    }
    let gate = Gate::closed();
    let sessions: Vec<_> =
        (0..20).map(|_| identity.ensure().args(["--deadline", "60s"]).start_behind(&gate)).collect();
    gate.open();
    for session in sessions {
        let failure = session.failure();
        assert_eq!(failure.code, "cooling_down", "{:?}", failure.error);
        let retry = failure.error["retry_in_ms"].as_u64().unwrap();
        assert!((1..=600_000).contains(&retry), "{retry}");
        assert_eq!(failure.error["attempts"], 3);
        assert!(failure.error["last_error"].as_str().unwrap().contains("status 7"), "{:?}", failure.error);
        assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    }
    // None of them had the failpoint: had one been launched, it would serve.
    assert_eq!((identity.workers(), identity.epoch()), (vec![], 3), "something was launched for them");
}

#[test]
fn a_cooling_down_ends_by_itself() {
    let identity = identity().env("ONEWORKER_BACKOFF_FREE", "0").env("ONEWORKER_BACKOFF_BASE", "300ms");
    assert_eq!(failing(&identity, "serve.start=exit:7").code, "launch_failed");
    let worker = wait_for("the end of the backoff", || {
        let (output, _) = identity.ensure().args(["--deadline", "60s"]).start().output();
        if output.status.success() {
            return Some(patient(&identity));
        }
        assert_eq!(output.status.code(), Some(30), "{}", String::from_utf8_lossy(&output.stdout));
        None
    });
    assert_eq!(worker.epoch, 1);
}

// ---- somebody else's process

/// Rewrites the record, so that it names this process.
fn name_in_record(identity: &Identity, pid: u32, start_time: Option<u64>) {
    let mut record = identity.record().unwrap();
    record["pid"] = pid.into();
    if let Some(start_time) = start_time {
        record["start_time"] = start_time.into();
    }
    std::fs::write(identity.file("worker.json"), record.to_string()).unwrap();
    std::fs::write(identity.file("worker.pid"), format!("{pid}\n")).unwrap();
}

fn start_time(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap()
}

#[test]
fn a_dead_workers_pid_that_belongs_to_somebody_else_now_is_left_alone() {
    let identity = identity().flag("--hang-limit", "500ms");
    let mut bystander = Bystander::start();
    let first = patient(&identity);
    kill(first.pid);
    wait_until_gone(first.pid);
    // The dead worker's start time stays in the record.
    name_in_record(&identity, bystander.pid(), None);
    assert_recovered(&identity, 1);
    bystander.assert_untouched();
}

#[test]
fn a_record_that_wholly_names_a_living_stranger_means_nothing_while_the_lock_is_free() {
    let identity = identity().flag("--hang-limit", "500ms");
    let mut bystander = Bystander::start();
    let first = patient(&identity);
    kill(first.pid);
    wait_until_gone(first.pid);
    name_in_record(&identity, bystander.pid(), Some(start_time(bystander.pid())));
    let begun = Instant::now();
    assert_recovered(&identity, 1);
    assert!(begun.elapsed() < AT_ONCE, "it was waited for");
    bystander.assert_untouched();
}

#[test]
fn a_hung_worker_is_ended_and_not_the_stranger_that_the_record_names() {
    let identity = identity().flag("--hang-limit", "500ms");
    let mut bystander = Bystander::start();
    let first = patient(&identity);
    stop(first.pid);
    name_in_record(&identity, bystander.pid(), Some(start_time(bystander.pid())));
    assert_recovered(&identity, 1);
    assert!(!is_alive(first.pid));
    bystander.assert_untouched();
}

#[test]
fn a_launch_note_whose_pid_belongs_to_somebody_else_now_is_neither_waited_for_nor_acted_on() {
    let identity = identity().flag("--hang-limit", "1h");
    let mut bystander = Bystander::start();
    let first = patient(&identity);
    kill(first.pid);
    wait_until_gone(first.pid);
    let path = identity.file("launch.json");
    let mut note: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    note["process"]["pid"] = bystander.pid().into();
    note["outcome"] = serde_json::Value::Null;
    std::fs::write(&path, note.to_string()).unwrap();
    let begun = Instant::now();
    assert_recovered(&identity, 1);
    assert!(begun.elapsed() < AT_ONCE, "it was waited for");
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

    let failure = identity.ensure().args(["--deadline", "60s"]).failure();
    assert_eq!(failure.code, "lock_leaked", "{:?}", failure.error);
    assert_eq!(failure.error["pids"], serde_json::json!([child]));
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    assert!(is_alive(child), "it was killed");
    assert_eq!(identity.epoch(), 1, "something took office beside it");

    kill(child);
    wait_until_gone(child);
    assert_recovered(&identity, 1);
}

// ---- hung or stopped

#[test]
fn a_stopped_worker_is_replaced_after_the_hang_limit_and_all_sessions_get_the_new_one() {
    let identity = identity().flag("--hang-limit", "1s");
    let first = patient(&identity);
    stop(first.pid);
    let begun = Instant::now();
    let gate = Gate::closed();
    let sessions: Vec<_> =
        (0..8).map(|_| identity.ensure().args(["--deadline", "60s"]).start_behind(&gate)).collect();
    gate.open();
    let answers: Vec<_> = sessions.into_iter().map(Running::success).collect();
    assert!(begun.elapsed() >= Duration::from_secs(1), "it was replaced before its time");
    let next = agreed(&answers);
    assert_eq!((next.epoch, identity.epoch()), (2, 2));
    assert_eq!(answers.iter().filter(|answer| answer.outcome == "replaced").count(), 1);
    assert!(!is_alive(first.pid), "the old worker lives");
    identity.wait_until_alone(next.pid);
}

#[test]
fn a_hang_limit_beyond_every_deadline_is_reached_by_several_sessions_together() {
    let identity = identity().flag("--hang-limit", "2500ms");
    let first = patient(&identity);
    stop(first.pid);
    let mut silent_for = Vec::new();
    let replaced = loop {
        let (output, _) = identity.ensure().args(["--deadline", "1s"]).start().output();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        if output.status.success() {
            break json;
        }
        // A loaded machine may not get the new one ready within what is left of the second.
        match json["error"]["code"].as_str().unwrap() {
            "unresponsive" => {
                assert_eq!(json["error"]["activity"], "stopped");
                silent_for.push(json["error"]["silent_for_ms"].as_u64().unwrap());
            }
            other => assert!(matches!(other, "starting" | "timed_out"), "{json}"),
        }
        assert!(silent_for.len() < 60, "never replaced: {silent_for:?}");
    };
    assert!(silent_for.len() >= 2, "replaced too soon: {silent_for:?}");
    assert!(silent_for.is_sorted() && silent_for.iter().all(|ms| *ms < 2500), "{silent_for:?}");
    assert_eq!(replaced["epoch"], 2);
    assert!(!is_alive(first.pid));
}

#[test]
fn a_proof_in_between_makes_a_suspicion_void() {
    let identity = identity().flag("--hang-limit", "2500ms");
    let worker = patient(&identity);
    for _ in 0..4 {
        stop(worker.pid);
        let failure = identity.ensure().args(["--deadline", "1s"]).failure();
        assert_eq!(failure.code, "unresponsive", "{:?}", failure.error);
        oneworker_tests::go_on(worker.pid);
        let well = patient(&identity);
        assert_eq!((well.pid, well.epoch), (worker.pid, 1), "replaced although it was well in between");
        assert!(!identity.file("suspect.json").exists());
    }
}

/// Leaves a worker in office whose event loop is stuck for good.
fn stuck(identity: &Identity, how: &str) -> u32 {
    let failure = identity.ensure_failing(format!("answer={how}")).args(["--deadline", "1s"]).failure();
    assert!(
        matches!(failure.code.as_str(), "starting" | "timed_out" | "unresponsive"),
        "{:?}",
        failure.error
    );
    let workers = identity.workers();
    assert_eq!(workers.len(), 1, "{workers:?}");
    workers[0]
}

#[test]
fn a_worker_whose_event_loop_is_blocked_is_replaced_by_a_session() {
    let identity = identity().flag("--hang-limit", "1s").env("ONEWORKER_WATCHDOG", "1h");
    let old = stuck(&identity, "block");
    let begun = Instant::now();
    let worker = assert_recovered(&identity, 1);
    assert_eq!(worker.outcome, "replaced");
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(!is_alive(old));
}

#[test]
fn a_worker_whose_event_loop_spins_ends_itself() {
    let identity = identity().flag("--hang-limit", "1s");
    let old = stuck(&identity, "spin");
    let begun = Instant::now();
    let worker = assert_recovered(&identity, 1);
    assert_ne!(worker.pid, old);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert!(identity.log().contains("the event loop has not answered"), "{}", identity.log());
}

// ---- only slow

#[test]
fn a_worker_that_is_slow_to_start_is_waited_for_and_never_doubled() {
    let identity = identity();
    let early = identity.ensure_failing("bind.before=sleep:3000").args(["--deadline", "1s"]).failure();
    assert_eq!(early.code, "starting", "{:?}", early.error);
    let impatient: Vec<_> = (0..5).map(|_| identity.ensure().args(["--deadline", "500ms"]).start()).collect();
    let patient: Vec<_> = (0..5).map(|_| identity.ensure().args(["--deadline", "60s"]).start()).collect();
    for session in impatient {
        let (output, _) = session.output();
        // On a very slow machine it may be ready by now.
        assert!(
            matches!(output.status.code(), Some(0 | 10 | 15)),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    let answers: Vec<_> = patient.into_iter().map(Running::success).collect();
    let worker = agreed(&answers);
    assert_eq!(early.error["pid"], worker.pid);
    assert_eq!((worker.epoch, identity.epoch(), identity.tenures()), (1, 1, vec![1]));
    identity.wait_until_alone(worker.pid);
}

/// Processes that burn the CPU until dropped.
struct Burners(Vec<std::process::Child>);

impl Burners {
    fn start() -> Self {
        let burner =
            || Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn().unwrap();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self((0..2 * cores).map(|_| burner()).collect())
    }
}

impl Drop for Burners {
    fn drop(&mut self) {
        for burner in &mut self.0 {
            let _ = burner.kill();
            let _ = burner.wait();
        }
    }
}

#[test]
fn a_busy_worker_on_a_busy_machine_is_never_replaced() {
    let identity = identity().flag("--hang-limit", "500ms").env("ONEWORKER_WATCHDOG", "30s");
    let worker = identity.ensure_failing("answer=sleep:350").args(["--deadline", "60s"]).success();
    let _burners = Burners::start();
    // Ten sessions side by side, over many times the hang limit: most wait for their answer for longer than that.
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let asked = Instant::now();
                while asked.elapsed() < Duration::from_secs(4) {
                    let answer = patient(&identity);
                    assert_eq!((answer.pid, answer.epoch), (worker.pid, 1), "a busy worker was replaced");
                }
            });
        }
    });
    assert_eq!(identity.epoch(), 1);
    assert_eq!(identity.workers(), [worker.pid]);
}

#[test]
fn a_worker_under_a_debugger_is_left_alone() {
    let identity = identity().flag("--hang-limit", "1s");
    let worker = patient(&identity);
    let debugger = match Debugger::halt(worker.pid) {
        Ok(debugger) => debugger,
        Err(error) => return eprintln!("skipped: this system forbids debugging: {error}"),
    };
    for _ in 0..3 {
        let failure = identity.ensure().args(["--deadline", "5s"]).failure();
        assert_eq!(failure.code, "under_debugger", "{:?}", failure.error);
        assert_eq!(failure.error["pid"], worker.pid);
        assert_eq!(failure.error["tracer"], std::process::id());
    }
    assert!(is_alive(worker.pid), "it was killed");
    drop(debugger);
    let after = patient(&identity);
    assert_eq!((after.pid, after.epoch), (worker.pid, 1));
}
