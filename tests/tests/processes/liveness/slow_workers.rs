//! A worker that is slow to start, busy, or halted by a debugger only seems to hang: it is waited for, and neither doubled nor replaced.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use oneworker_tests::{Debugger, Hold, Running, agreed, is_alive, once_seen};

use crate::identity;

#[test]
fn a_worker_that_is_slow_to_start_is_waited_for_and_never_doubled() {
    let identity = identity().hang_limit("10m");
    let slow = Hold::at(&identity, "bind.before");
    let early = once_seen(&["starting"], || identity.ensure_failing(slow.failpoint()));
    let impatient: Vec<_> = (0..5).map(|_| identity.ensure().within("500ms").start()).collect();
    let patient: Vec<_> = (0..5).map(|_| identity.patient_ensure().start()).collect();
    for session in impatient {
        let failure = session.failure();
        assert!(["starting", "timed_out"].contains(&failure.code.as_str()), "{:?}", failure.error);
    }
    let _ready = slow.release();
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
    let identity = identity().hang_limit("2s");
    let worker = identity.ensure_failing("answer=sleep:350").patiently().success();
    let _burners = Burners::start();
    // Ten sessions side by side, over several times the hang limit: most wait for their answer for longer than that.
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let asked = Instant::now();
                while asked.elapsed() < Duration::from_secs(8) {
                    let answer = identity.patient();
                    assert_eq!((answer.pid, answer.epoch), (worker.pid, 1), "a busy worker was replaced");
                }
            });
        }
    });
    assert_eq!(identity.epoch(), 1);
    assert_eq!(identity.workers(), [worker.pid]);
}

#[test]
fn a_silent_worker_that_uses_the_cpu_gets_six_times_as_long_before_it_is_replaced() {
    let identity = identity().hang_limit("2s");
    let begun = Instant::now();
    identity.stuck("spin");
    let next = identity.patient();
    assert_eq!((next.outcome.as_str(), next.epoch), ("replaced", 2));
    assert!(
        begun.elapsed() >= Duration::from_secs(12),
        "it was replaced before its time: {:?}",
        begun.elapsed()
    );
}

#[test]
fn a_worker_under_a_debugger_is_left_alone() {
    let identity = identity().hang_limit("2s");
    let worker = identity.patient();
    let debugger = match Debugger::halt(worker.pid) {
        Ok(debugger) => debugger,
        Err(error) => return eprintln!("skipped: this system forbids debugging: {error}"),
    };
    for _ in 0..3 {
        let failure = identity.patient_ensure().failure();
        assert_eq!(failure.code, "under_debugger", "{:?}", failure.error);
        assert_eq!(failure.error["pid"], worker.pid);
        assert_eq!(failure.error["tracer"], std::process::id());
    }
    assert!(is_alive(worker.pid), "it was killed");
    drop(debugger);
    let after = identity.patient();
    assert_eq!((after.pid, after.epoch), (worker.pid, 1));
}
