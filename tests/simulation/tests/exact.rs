//! What the protocol answers, and when, where chance has no part in it: on virtual time, so to the millisecond. Each story is told on many
//! schedules.

#![allow(missing_docs, reason = "the names say it")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coordinator::{Backoff, LaunchCommand, Outcome, ReplaceReason, Worker, WorkerSpec, layout};
use oneworker_simulation::{
    Answer, Blow, Dice, Fault, Havoc, Pause, Schedule, SessionPlan, Simulation, Squatter, StandardWorker,
    When, Whom,
};

const PORT: u16 = 37777;
const HANG_LIMIT: Duration = Duration::from_secs(1);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// When a session comes, and its deadline.
type Visit = (Duration, Duration);

struct Told {
    answers: BTreeMap<u32, Answer>,
    launches: usize,
}

impl Told {
    fn worker(&self, session: u32) -> &Worker {
        match &self.answers[&session] {
            Answer::Worker(worker) => worker,
            error => panic!("session {session} got {error:?}"),
        }
    }

    /// The error's words, if it is of this code.
    fn error(&self, session: u32, expected: &str) -> &str {
        match &self.answers[&session] {
            Answer::Error { code, message, .. } if *code == expected => message,
            other => panic!("session {session} got {other:?} and not {expected}"),
        }
    }

    fn retry_in(&self, session: u32) -> Duration {
        match &self.answers[&session] {
            Answer::Error { retry_in_ms: Some(left), .. } => ms(*left),
            other => panic!("session {session} got {other:?} and not cooling_down"),
        }
    }
}

/// Tells a story on some schedules, and looks at what came of it each time.
fn on_every_schedule(visits: &[Visit], faults: &[Fault], look: impl Fn(&Told)) {
    of_workers(StandardWorker::default(), visits, faults, look);
}

/// The same, of workers of this manner.
fn of_workers(manner: StandardWorker, visits: &[Visit], faults: &[Fault], look: impl Fn(&Told)) {
    for seed in 0..40 {
        let mut machine = Simulation::new(seed, Schedule::Random(Dice::new(seed)))
            .with_program(Arc::new(manner))
            .traced(true)
            .with_port(PORT);
        for (number, (after, deadline)) in (0..).zip(visits) {
            let spec = WorkerSpec::builder(LaunchCommand::new("/opt/oneworker", ["serve"]))
                .port(&PORT.to_string())
                .state_dir(oneworker_simulation::STATE_DIR)
                .deadline(*deadline)
                .hang_limit(HANG_LIMIT)
                .build()
                .unwrap_or_else(|error| panic!("{error}"));
            machine.session(number, *after, SessionPlan { spec });
        }
        for fault in faults {
            machine.fault(*fault);
        }
        assert_eq!(machine.run(), Pause::Done, "seed {seed}: {:?}", machine.broken());
        let told = Told { answers: machine.answers(), launches: machine.launches() };
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(&told)));
        if let Err(panic) = looked {
            eprintln!("seed {seed}:\n{}", machine.trace().join("\n"));
            std::panic::resume_unwind(panic);
        }
    }
}

fn strike(whom: Whom, at: u64, blow: Blow) -> Fault {
    Fault::Blow(whom, When::At(ms(at)), blow)
}

/// Each of so many workers is killed before its sixth call.
fn early_deaths(workers: u32) -> Vec<Fault> {
    (0..workers).map(|n| Fault::Blow(Whom::Worker(n), When::Call(5), Blow::Kill)).collect()
}

/// Whoever waits looks every so many milliseconds.
fn about(actual: Duration, expected: Duration) -> bool {
    actual <= expected + ms(50) && actual + ms(50) >= expected
}

#[test]
fn a_worker_that_ended_in_good_order_is_no_failure_and_leaves_no_secret() {
    let visit = |n: u64| (ms(200 * n), ms(5_000));
    let visits: Vec<Visit> = (0..6).map(visit).collect();
    let ends: Vec<Fault> = (0..5).map(|n| strike(Whom::Incumbent, 200 * n + 100, Blow::Terminate)).collect();
    on_every_schedule(&visits, &ends, |told| {
        for session in 0..6 {
            let worker = told.worker(session);
            assert_eq!((worker.epoch.0, &worker.outcome), (u64::from(session) + 1, &Outcome::Started));
        }
    });
}

#[test]
fn workers_that_died_soon_after_they_were_ready_hold_the_next_launch_back() {
    let visits = [(ms(0), ms(5_000)), (ms(200), ms(5_000)), (ms(400), ms(5_000)), (ms(600), ms(5_000))];
    let deaths: Vec<Fault> = (0..3).map(|n| strike(Whom::Incumbent, 200 * n + 100, Blow::Kill)).collect();
    on_every_schedule(&visits, &deaths, |told| {
        // Two failures are free.
        (0..3).for_each(|session| assert_eq!(told.worker(session).outcome, Outcome::Started));
        let words = told.error(3, "cooling_down");
        assert!(words.contains("after 3 failures in a row"), "{words}");
        assert!(words.contains("the worker died soon after it was ready"), "{words}");
        // The third launch was noted at 400 ms.
        assert!(about(told.retry_in(3), Backoff::default().delay(3) - ms(200)), "{:?}", told.retry_in(3));
        assert_eq!(told.launches, 3);
    });
}

#[test]
fn a_worker_that_served_for_long_is_no_failure_however_it_ended() {
    let stable = Backoff::default().stable_after + ms(500);
    let visits: Vec<Visit> = (0..5).map(|n| (stable * n, ms(5_000))).collect();
    let at = |n: u32| When::At(stable * (n + 1) - ms(100));
    let deaths: Vec<Fault> = (0..4).map(|n| Fault::Blow(Whom::Incumbent, at(n), Blow::Kill)).collect();
    on_every_schedule(&visits, &deaths, |told| {
        (0..5).for_each(|session| assert_eq!(told.worker(session).outcome, Outcome::Started));
    });
}

#[test]
fn failures_to_start_add_up_over_sessions_and_one_good_end_begins_anew() {
    let backoff = Backoff::default();
    let third = ms(30) + backoff.delay(3);
    let fourth = third + ms(10) + backoff.delay(4);
    let visits = [
        (ms(0), ms(5_000)),
        (ms(10), ms(5_000)),
        (ms(20), ms(5_000)),
        (ms(30), ms(5_000)), // held back
        (third, ms(5_000)),
        (fourth - ms(100), ms(5_000)), // held back
        (fourth + ms(10), ms(5_000)),
    ];
    on_every_schedule(&visits, &early_deaths(4), |told| {
        for session in [0, 1, 2, 4] {
            let words = told.error(session, "launch_failed");
            assert!(words.contains("before it was ready"), "{words}");
        }
        let words = told.error(3, "cooling_down");
        assert!(
            words.contains("after 3 failures in a row") && words.contains("before it was ready"),
            "{words}"
        );
        assert!(about(told.retry_in(3), backoff.delay(3) - ms(10)), "{:?}", told.retry_in(3));
        let words = told.error(5, "cooling_down");
        assert!(words.contains("after 4 failures in a row"), "{words}");
        assert_eq!(told.worker(6).outcome, Outcome::Started);
        assert_eq!(told.launches, 5);
    });
}

#[test]
fn a_taken_port_holds_launches_back_until_it_is_free_and_not_longer() {
    let visits = [(ms(10), ms(9_000)), (ms(4_000), ms(9_000)), (ms(8_000), ms(9_000))];
    let squatter = [Fault::Havoc(ms(0), Havoc::Squat(Squatter::Alien, ms(7_000)))];
    on_every_schedule(&visits, &squatter, |told| {
        // The first launch's worker finds it out; the second session needs none for that.
        for session in [0, 1] {
            let words = told.error(session, "port_taken");
            assert!(words.contains(&format!("port {PORT} is held by")) && words.contains("pid"), "{words}");
        }
        let worker = told.worker(2);
        assert_eq!((&worker.outcome, worker.port.get()), (&Outcome::Started, PORT));
        assert!(worker.elapsed < ms(100), "{:?}", worker.elapsed);
        assert_eq!(told.launches, 2);
    });
}

#[test]
fn a_worker_that_hangs_is_replaced_after_the_limit_and_that_is_no_failure() {
    for (blow, stopped) in [(Blow::Wedge { spinning: false }, false), (Blow::Stop(None), true)] {
        // Thrice, so that failures would hold back the last.
        let visits: Vec<Visit> = (0..4).map(|n| (ms(4_000 * n), ms(9_000))).collect();
        let hangs: Vec<Fault> = (0..3).map(|n| strike(Whom::Incumbent, 4_000 * n + 3_900, blow)).collect();
        on_every_schedule(&visits, &hangs, |told| {
            for session in 1..4 {
                let worker = told.worker(session);
                let Outcome::Replaced { why } = &worker.outcome else { panic!("{worker:?}") };
                let silent_for = match why {
                    ReplaceReason::Hung { silent_for, .. } if !stopped => *silent_for,
                    ReplaceReason::Stopped { silent_for, .. } if stopped => *silent_for,
                    other => panic!("{other:?}"),
                };
                assert!(silent_for >= HANG_LIMIT, "{silent_for:?}");
                // The first silence only begins the suspicion.
                assert!(worker.elapsed < HANG_LIMIT + ms(1_000), "{:?}", worker.elapsed);
            }
            assert_eq!(told.launches, 4);
        });
    }
}

#[test]
fn a_busy_worker_gets_six_times_the_limit_and_is_then_replaced() {
    let visits = [(ms(0), ms(5_000)), (ms(200), ms(3_000)), (ms(3_300), ms(20_000))];
    let spins = [strike(Whom::Incumbent, 100, Blow::Wedge { spinning: true })];
    on_every_schedule(&visits, &spins, |told| {
        let words = told.error(1, "unresponsive");
        assert!(words.contains("replaced after 6.0s"), "{words}");
        let worker = told.worker(2);
        assert!(
            matches!(worker.outcome, Outcome::Replaced { why: ReplaceReason::Hung { .. } }),
            "{worker:?}"
        );
        assert!(worker.elapsed > ms(2_500) && worker.elapsed < ms(7_500), "{:?}", worker.elapsed);
    });
}

#[test]
fn a_worker_that_a_debugger_halts_is_named_and_left_alone() {
    let visits = [(ms(0), ms(5_000)), (ms(200), ms(9_000)), (ms(20_000), ms(1_000))];
    on_every_schedule(&visits, &[strike(Whom::Incumbent, 100, Blow::Trace(ms(15_000)))], |told| {
        told.error(1, "under_debugger");
        assert_eq!((&told.worker(2).outcome, told.launches), (&Outcome::Reused, 1));
    });
}

/// The elected session is stopped right before its launch.
#[test]
fn a_session_goes_past_an_elected_one_that_was_stopped_at_half_of_its_deadline() {
    let visits = [(ms(0), ms(4_000)), (ms(100), ms(4_000)), (ms(200), ms(6_000))];
    let stopped = Fault::Blow(Whom::Session(0), When::Call(13), Blow::Stop(None));
    on_every_schedule(&visits, &[stopped], |told| {
        let worker = told.worker(1);
        assert!(about(worker.elapsed, ms(2_000)), "{:?}", worker.elapsed);
        assert_eq!((told.launches, &told.worker(2).outcome), (1, &Outcome::Waited));
    });
}

/// The session dies after its launch, and its worker waits for a CPU, or is stopped, before it has taken office.
#[test]
fn a_launch_whose_session_died_is_waited_for_while_it_may_come_to_office() {
    let dies = Fault::Blow(Whom::Session(0), When::At(ms(5)), Blow::Kill);
    let late = |blow| Fault::Blow(Whom::Worker(0), When::Call(0), blow);
    let visits = [(ms(0), ms(20_000)), (ms(10), ms(20_000))];
    on_every_schedule(&visits, &[late(Blow::Starve(ms(3_000))), dies], |told| {
        let worker = told.worker(1);
        assert_eq!((&worker.outcome, told.launches), (&Outcome::Waited, 1));
        assert!(about(worker.elapsed, ms(2_990)), "{:?}", worker.elapsed);
    });
    on_every_schedule(&visits, &[late(Blow::Stop(None)), dies], |told| {
        let worker = told.worker(1);
        assert_eq!((&worker.outcome, told.launches), (&Outcome::Started, 2));
        assert!(about(worker.elapsed, HANG_LIMIT), "{:?}", worker.elapsed);
    });
}

#[test]
fn sessions_of_a_slow_start_are_told_that_it_goes_on_and_of_a_stopped_one_that_it_does_not() {
    let slow = StandardWorker { start: ms(2_000), ..StandardWorker::default() };
    let visits = [(ms(0), ms(200)), (ms(50), ms(200)), (ms(300), ms(200)), (ms(600), ms(5_000))];
    of_workers(slow, &visits, &[], |told| {
        for session in 0..3 {
            let words = told.error(session, "starting");
            assert!(words.contains("still starting"), "{words}");
        }
        let worker = told.worker(3);
        assert_eq!((&worker.outcome, told.launches), (&Outcome::Waited, 1));
        assert!(about(worker.elapsed, ms(1_400)), "{:?}", worker.elapsed);
    });
    let visits = [(ms(0), ms(200)), (ms(300), ms(200))];
    of_workers(slow, &visits, &[strike(Whom::Worker(0), 250, Blow::Stop(None))], |told| {
        told.error(0, "starting");
        let words = told.error(1, "unresponsive");
        assert!(words.contains("stopped"), "{words}");
    });
}

#[test]
fn a_worker_that_nobody_needs_leaves_and_one_that_is_asked_stays() {
    let idle = StandardWorker { idle: ms(1_000), ..StandardWorker::default() };
    // Asked for every 700 ms, then not for 2 s.
    let mut visits: Vec<Visit> = (0..6).map(|n| (ms(700 * n), ms(5_000))).collect();
    visits.push((ms(5_500), ms(5_000)));
    of_workers(idle, &visits, &[], |told| {
        (1..6).for_each(|session| assert_eq!(told.worker(session).outcome, Outcome::Reused));
        let next = told.worker(6);
        assert_eq!((next.epoch.0, &next.outcome, told.launches), (2, &Outcome::Started, 2));
    });
}

#[test]
fn what_is_lost_of_the_directory_is_put_back_and_the_worker_stays() {
    for name in [layout::RECORD, layout::PROOF_KEY, layout::TOKEN, layout::WORKER_LOCK, layout::EPOCH] {
        let visits = [(ms(0), ms(5_000)), (ms(200), ms(5_000)), (ms(2_500), ms(5_000))];
        on_every_schedule(&visits, &[Fault::Havoc(ms(100), Havoc::Delete(name))], |told| {
            assert_eq!(told.launches, 1, "{name}");
            assert_eq!((told.worker(1).epoch.0, told.worker(2).epoch.0), (1, 1), "{name}");
            assert_eq!(told.worker(2).outcome, Outcome::Reused, "{name}");
        });
    }
}

/// Either of the two places that remember the epoch is enough.
#[test]
fn epochs_go_on_where_they_were_when_one_of_their_places_is_lost() {
    for name in [layout::RECORD, layout::EPOCH] {
        let visits = [(ms(0), ms(5_000)), (ms(300), ms(5_000))];
        let faults =
            [strike(Whom::Incumbent, 100, Blow::Terminate), Fault::Havoc(ms(200), Havoc::Delete(name))];
        on_every_schedule(&visits, &faults, |told| {
            assert_eq!((told.worker(0).epoch.0, told.worker(1).epoch.0), (1, 2), "{name}");
        });
    }
}
