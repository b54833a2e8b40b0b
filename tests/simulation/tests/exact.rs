//! What the protocol answers, and when, where chance has no part in it: on virtual time, so to the millisecond. Each story is told on many
//! schedules.

#![allow(missing_docs, reason = "the names say it")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coordinator::{
    Backoff, EnsureRequest, LaunchCommand, Outcome, ProtocolRange, ReplaceReason, RequestError, Stopped,
    Worker, WorkerId, WorkerIdBuilder, layout,
};
use oneworker_simulation::{
    Answer, Blow, Dice, Errand, Fault, Havoc, Pause, Replacement, Schedule, SessionPlan, Simulation,
    Squatter, StandardWorker, Trouble, When, Whom,
};

const PORT: u16 = 37777;
const HANG_LIMIT: Duration = Duration::from_secs(1);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// When a session comes, and its deadline.
type Visit = (Duration, Duration);

/// When a session comes, and all that it asks for.
type Plan = (Duration, SessionPlan);

struct Told {
    answers: BTreeMap<u32, Answer>,
    launches: usize,
    trace: Vec<String>,
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

    /// Whether the worker had to be signalled.
    fn forced(&self, session: u32) -> bool {
        match &self.answers[&session] {
            Answer::Stopped(Stopped::Ended { forced, .. }) => *forced,
            other => panic!("session {session} got {other:?} and not the worker's end"),
        }
    }

    /// Whether somebody was in office, and what was the matter with him.
    fn seen(&self, session: u32) -> (bool, Option<&str>) {
        match &self.answers[&session] {
            Answer::Seen { in_office, trouble, .. } => (*in_office, trouble.as_deref()),
            other => panic!("session {session} got {other:?} and no look"),
        }
    }

    /// When the trace has both of these in a line.
    fn when(&self, who: &str, what: &str) -> Vec<Duration> {
        let found = self.trace.iter().filter(|line| line.contains(who) && line.contains(what));
        found.map(|line| Duration::from_secs_f64(milliseconds(line) / 1e3)).collect()
    }
}

/// A line of a trace begins with them.
fn milliseconds(line: &str) -> f64 {
    let first = line.split_whitespace().next();
    first.and_then(|first| first.parse().ok()).unwrap_or_else(|| panic!("{line}"))
}

/// What a session asks for.
struct Asks {
    id: WorkerIdBuilder,
    deadline: Duration,
    may_start: bool,
}

/// A request as most of these stories have it.
fn asks(deadline: Duration) -> Asks {
    let id = WorkerId::builder().port(&PORT.to_string()).state_dir(oneworker_simulation::STATE_DIR);
    Asks { id, deadline, may_start: true }
}

impl Asks {
    fn of(self, choose: impl FnOnce(WorkerIdBuilder) -> WorkerIdBuilder) -> Self {
        Self { id: choose(self.id), ..self }
    }

    fn protocol(self, range: ProtocolRange) -> Self {
        self.of(|id| id.protocol(range))
    }

    fn may_start(self, may_start: bool) -> Self {
        Self { may_start, ..self }
    }

    fn build(self) -> Result<EnsureRequest, RequestError> {
        EnsureRequest::builder(self.id.build()?, LaunchCommand::new("/opt/oneworker", ["serve"]))
            .deadline(self.deadline)
            .hang_limit(HANG_LIMIT)
            .may_start(self.may_start)
            .build()
    }
}

fn plan(after: Duration, asks: Asks) -> Plan {
    comes_for(Errand::Worker, after, asks)
}

fn comes_for(errand: Errand, after: Duration, asks: Asks) -> Plan {
    (after, SessionPlan { request: asks.build().unwrap_or_else(|error| panic!("{error}")), errand })
}

/// The protocol versions from one to another.
fn protocols(min: u32, max: u32) -> ProtocolRange {
    ProtocolRange::new(min, max).unwrap_or_else(|| panic!("{min} to {max}"))
}

/// Tells a story on some schedules, and looks at what came of it each time.
fn on_every_schedule(visits: &[Visit], faults: &[Fault], look: impl Fn(&Told)) {
    of_workers(StandardWorker::default(), visits, faults, look);
}

/// The same, of workers of this manner.
fn of_workers(manner: StandardWorker, visits: &[Visit], faults: &[Fault], look: impl Fn(&Told)) {
    let plans: Vec<Plan> = visits.iter().map(|(after, deadline)| plan(*after, asks(*deadline))).collect();
    of_sessions(manner, &plans, faults, look);
}

/// The same, of sessions that ask for more than a deadline.
fn of_sessions(manner: StandardWorker, plans: &[Plan], faults: &[Fault], look: impl Fn(&Told)) {
    on_machines(|machine| machine, manner, plans, faults, look);
}

/// The same, on machines that are made like this.
fn on_machines(
    made: impl Fn(Simulation) -> Simulation,
    manner: StandardWorker,
    plans: &[Plan],
    faults: &[Fault],
    look: impl Fn(&Told),
) {
    for seed in 0..40 {
        let machine = made(Simulation::new(seed, Schedule::Random(Dice::new(seed))));
        let told = tell(machine.with_program(Arc::new(manner)), plans, faults);
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(&told)));
        if let Err(panic) = looked {
            eprintln!("seed {seed}:\n{}", told.trace.join("\n"));
            std::panic::resume_unwind(panic);
        }
    }
}

fn tell(machine: Simulation, plans: &[Plan], faults: &[Fault]) -> Told {
    let mut machine = machine.traced(true).with_port(PORT);
    for (number, (after, plan)) in (0..).zip(plans) {
        machine.session(number, *after, plan.clone());
    }
    for fault in faults {
        machine.fault(*fault);
    }
    let pause = machine.run();
    assert_eq!(pause, Pause::Done, "{:?}\n{}", machine.broken(), machine.trace().join("\n"));
    Told { answers: machine.answers(), launches: machine.launches(), trace: machine.trace() }
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

/// A worker may start for six hang limits before it is taken for stuck. One whose command needs longer can be asked meanwhile.
#[test]
fn a_command_that_needs_long_to_start_is_waited_for_and_its_worker_not_taken_for_stuck() {
    let manner = StandardWorker { command: 30 * HANG_LIMIT, ..StandardWorker::default() };
    let mut visits: Vec<Visit> = (0..14).map(|n| (ms(2_000) * n, ms(2_100))).collect();
    visits.push((ms(28_500), ms(5_000)));
    visits.push((ms(40_000), ms(5_000)));
    of_workers(manner, &visits, &[], |told| {
        (0..14).for_each(|session| assert!(!told.error(session, "starting").is_empty()));
        assert_eq!(told.worker(14).outcome, Outcome::Waited);
        let late = told.worker(15);
        assert_eq!(late.outcome, Outcome::Reused);
        // Sessions are given the command's address, and asked at the worker's own.
        assert_eq!((late.port.get(), late.child_pid.is_some()), (PORT, true));
        assert!(late.control != late.address);
        assert_eq!(told.launches, 1);
    });
}

#[test]
fn sessions_wait_while_a_command_is_started_again() {
    let (command, command_life) = (ms(700), ms(2_000));
    let manner = StandardWorker { command, command_life, ..StandardWorker::default() };
    // It is ready from 700 to 2,700 ms, and again from 3,400.
    let visits = [(ms(0), ms(5_000)), (ms(2_000), ms(500)), (ms(3_000), ms(5_000)), (ms(2_900), ms(300))];
    of_workers(manner, &visits, &[], |told| {
        assert_eq!(told.worker(0).outcome, Outcome::Started);
        assert_eq!(told.worker(1).outcome, Outcome::Reused);
        let waited = told.worker(2);
        assert_eq!(waited.outcome, Outcome::Waited);
        assert!(about(waited.elapsed, ms(400)), "{:?}", waited.elapsed);
        told.error(3, "starting");
        assert_eq!(told.launches, 1);
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
        // The first launch's worker finds it out, at once; the second session needs none for that.
        assert!(told.when("session 0", "error port_taken")[0] < ms(1_500), "{:?}", told.trace.last());
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
        // Seven times, so that failures would hold back the last.
        let visits: Vec<Visit> = (0..8).map(|n| (ms(4_000 * n), ms(9_000))).collect();
        let hangs: Vec<Fault> = (0..7).map(|n| strike(Whom::Incumbent, 4_000 * n + 3_900, blow)).collect();
        on_every_schedule(&visits, &hangs, |told| {
            for session in 1..8 {
                let worker = told.worker(session);
                let Outcome::Replaced { why } = &worker.outcome else { panic!("{worker:?}") };
                let silent_for = match why {
                    ReplaceReason::Hung { silent_for, .. } if !stopped => *silent_for,
                    ReplaceReason::Stopped { silent_for, .. } if stopped => *silent_for,
                    other => panic!("{other:?}"),
                };
                assert!(silent_for >= HANG_LIMIT, "{silent_for:?}");
                // The first look of 250 ms is none of an elected session, and the next of 300 only begins the suspicion.
                let polite = if stopped { 0 } else { 300 };
                assert!(about(worker.elapsed, HANG_LIMIT + ms(550 + polite)), "{:?}", worker.elapsed);
            }
            assert_eq!(told.launches, 8);
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
            for session in [1, 2] {
                let worker = told.worker(session);
                assert_eq!((worker.epoch.0, &worker.outcome), (1, &Outcome::Reused), "{name}");
            }
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

#[test]
fn a_worker_with_only_older_protocols_is_replaced_and_one_with_only_newer_ones_is_named() {
    let speaks = |after: u64, min, max| plan(ms(after), asks(ms(5_000)).protocol(protocols(min, max)));
    let waits = |after: u64, min, max| {
        plan(ms(after), asks(ms(5_000)).protocol(protocols(min, max)).may_start(false))
    };
    let plans = [
        speaks(0, 1, 1),
        speaks(200, 2, 3),
        speaks(400, 3, 9),
        speaks(600, 1, 1),
        waits(700, 1, 1),
        waits(800, 4, 4),
        speaks(1_000, 4, 4),
        speaks(1_200, 5, 5),
        speaks(1_400, 6, 6),
        // So that there is time for the last but one to see its successor serve.
        speaks(1_600, 6, 6),
    ];
    of_sessions(StandardWorker::default(), &plans, &[], |told| {
        assert_eq!(told.worker(0).outcome, Outcome::Started);
        assert_eq!((&told.worker(2).outcome, told.worker(2).epoch.0), (&Outcome::Reused, 2));
        for session in [3, 4, 5] {
            let words = told.error(session, "too_new");
            assert!(words.contains(&format!("pid {}", told.worker(1).pid)), "{words}");
        }
        // As often as would be held back, were it a failure.
        for (session, old, epoch) in [(1, 0, 2), (6, 1, 3), (7, 6, 4), (8, 7, 5)] {
            let (worker, old) = (told.worker(session), told.worker(old));
            let Outcome::Replaced { why: ReplaceReason::Handed { pid, .. } } = &worker.outcome else {
                panic!("{worker:?}")
            };
            assert_eq!((*pid, worker.epoch.0), (old.pid, epoch));
            assert!(worker.elapsed < ms(100), "{:?}", worker.elapsed);
        }
        assert_eq!(told.when("worker", "exits with status 0").len(), 4, "it left in good order");
    });
}

#[test]
fn a_session_that_may_not_start_a_worker_waits_for_one_that_is_there() {
    let slow = StandardWorker { start: ms(300), ..StandardWorker::default() };
    let waits = |after: u64, deadline: u64| plan(ms(after), asks(ms(deadline)).may_start(false));
    let plans = [
        waits(0, 5_000),
        plan(ms(10), asks(ms(5_000))),
        waits(100, 5_000),
        waits(150, 100),
        waits(500, 5_000),
        waits(800, 5_000), // it has ended
        plan(ms(1_000), asks(ms(5_000))),
        waits(1_600, 500), // it is stopped
    ];
    let faults =
        [strike(Whom::Incumbent, 700, Blow::Terminate), strike(Whom::Incumbent, 1_500, Blow::Stop(None))];
    of_sessions(slow, &plans, &faults, |told| {
        told.error(0, "not_running");
        assert_eq!(told.worker(1).outcome, Outcome::Started);
        let waited = told.worker(2);
        assert_eq!((&waited.outcome, waited.epoch.0), (&Outcome::Waited, 1));
        assert!(about(waited.elapsed, ms(210)), "{:?}", waited.elapsed);
        told.error(3, "starting");
        assert_eq!(told.worker(4).outcome, Outcome::Reused);
        told.error(5, "not_running");
        let words = told.error(7, "unresponsive");
        assert!(words.contains("stopped"), "{words}");
        assert_eq!((told.launches, told.worker(6).epoch.0), (2, 2));
    });
}

/// A forked child keeps the directory's lock for three seconds.
#[test]
fn a_lock_that_nobody_in_particular_keeps_is_waited_for_and_then_named() {
    let plans = [
        plan(ms(0), asks(ms(5_000))),
        plan(ms(150), asks(ms(1_000))),
        plan(ms(200), asks(ms(1_000)).may_start(false)),
        plan(ms(250), asks(ms(9_000))),
    ];
    let faults = [strike(Whom::Incumbent, 100, Blow::Fork), strike(Whom::Incumbent, 101, Blow::Kill)];
    of_sessions(StandardWorker::default(), &plans, &faults, |told| {
        for session in [1, 2] {
            let words = told.error(session, "lock_leaked");
            assert!(words.contains("pid"), "{words}");
        }
        let worker = told.worker(3);
        assert_eq!((&worker.outcome, told.launches), (&Outcome::Started, 2));
        // And then for the port, which the child had too.
        assert!(worker.elapsed > ms(2_800) && worker.elapsed < ms(3_300), "{:?}", worker.elapsed);
    });
}

#[test]
fn a_worker_that_is_leaving_is_waited_for_and_one_that_is_stopped_in_it_is_named() {
    let lingers = StandardWorker { linger: ms(700), ..StandardWorker::default() };
    let plans = [
        plan(ms(0), asks(ms(5_000))),
        plan(ms(150), asks(ms(300))),
        plan(ms(170), asks(ms(300)).may_start(false)),
        plan(ms(200), asks(ms(5_000))),
    ];
    let leaves = strike(Whom::Incumbent, 100, Blow::Terminate);
    of_sessions(lingers, &plans, &[leaves], |told| {
        for session in [1, 2] {
            let words = told.error(session, "leaving");
            assert!(words.contains(&format!("pid {}", told.worker(0).pid)), "{words}");
        }
        let worker = told.worker(3);
        assert_eq!((&worker.outcome, worker.epoch.0), (&Outcome::Started, 2));
        assert!(about(worker.elapsed, ms(600)), "{:?}", worker.elapsed);
        assert!(
            !told.when("session 3", "is stopping").is_empty(),
            "it does not say that it waits for the end"
        );
    });
    of_sessions(lingers, &plans[..3], &[leaves, strike(Whom::Incumbent, 120, Blow::Stop(None))], |told| {
        for session in [1, 2] {
            let words = told.error(session, "unresponsive");
            assert!(words.contains("stopped"), "{words}");
        }
    });
}

/// The elected session is stopped right after its launch.
#[test]
fn a_session_that_is_not_elected_gets_the_worker_as_soon_as_there_is_one() {
    let slow = StandardWorker { start: ms(300), ..StandardWorker::default() };
    let comes = |after: u64, deadline: u64| plan(ms(after), asks(ms(deadline)));
    // The third goes past the first at 160 ms, the fourth past both at 215 ms, and the fifth is told what it sees, for it can't be elected.
    let plans = [comes(0, 4_000), comes(100, 4_000), comes(60, 200), comes(110, 140), comes(200, 40)];
    let stopped = Fault::Blow(Whom::Session(0), When::At(ms(50)), Blow::Stop(None));
    of_sessions(slow, &plans, &[stopped], |told| {
        let worker = told.worker(1);
        assert_eq!((&worker.outcome, told.launches), (&Outcome::Waited, 1));
        assert!(about(worker.elapsed, ms(220)), "{:?}", worker.elapsed);
        for session in 2..5 {
            let words = told.error(session, "starting");
            assert!(words.contains(&format!("pid {}", worker.pid)), "{words}");
        }
    });
}

/// The elected one is stopped right before its launch, the one that went past it in the midst of its own, and so is the worker.
#[test]
fn a_session_goes_past_two_elected_ones_that_were_stopped_at_three_quarters_of_its_deadline() {
    let visits = [(ms(0), ms(4_000)), (ms(100), ms(4_000)), (ms(3_000), ms(40_000))];
    let slow = StandardWorker { start: ms(300), ..StandardWorker::default() };
    let faults = [
        Fault::Blow(Whom::Session(0), When::Call(13), Blow::Stop(None)),
        strike(Whom::Worker(0), 2_200, Blow::Stop(None)),
        strike(Whom::Session(1), 2_250, Blow::Stop(None)),
    ];
    of_workers(slow, &visits, &faults, |told| {
        let worker = told.worker(2);
        assert!(
            matches!(worker.outcome, Outcome::Replaced { why: ReplaceReason::Stopped { .. } }),
            "{worker:?}"
        );
        let least = ms(30_000) + 6 * HANG_LIMIT;
        assert!(worker.elapsed > least && worker.elapsed < least + ms(1_500), "{:?}", worker.elapsed);
    });
}

#[test]
fn what_was_noted_before_the_machine_was_booted_anew_holds_nothing_back() {
    let visits = [(ms(0), ms(5_000)), (ms(10), ms(5_000)), (ms(20), ms(5_000)), (ms(40), ms(5_000))];
    let mut faults = early_deaths(3);
    faults.push(Fault::Havoc(ms(30), Havoc::PowerFailure));
    on_every_schedule(&visits, &faults, |told| {
        assert_eq!((&told.worker(3).outcome, told.launches), (&Outcome::Started, 4));
    });
}

/// Sessions die after their launches: whether it went well is told by what the worker has left.
#[test]
fn a_launch_whose_session_died_was_no_failure_if_its_worker_has_served() {
    let visits = [(ms(0), ms(5_000)), (ms(10), ms(5_000)), (ms(20), ms(5_000)), (ms(400), ms(5_000))];
    let slow = StandardWorker { start: ms(100), ..StandardWorker::default() };
    let dies = strike(Whom::Session(2), 50, Blow::Kill);
    let mut faults = early_deaths(2);
    faults.extend([dies, strike(Whom::Worker(2), 300, Blow::Kill)]);
    of_workers(slow, &visits, &faults, |told| {
        assert_eq!((&told.worker(3).outcome, told.launches), (&Outcome::Started, 4));
    });
    // It never came to serve.
    let mut faults = early_deaths(2);
    faults.extend([dies, strike(Whom::Worker(2), 60, Blow::Kill)]);
    of_workers(slow, &visits, &faults, |told| {
        let words = told.error(3, "cooling_down");
        assert!(words.contains("after 3 failures in a row"), "{words}");
    });
}

/// The session dies after its launch, and so does its worker, whom nobody waits for.
#[test]
fn a_launch_whose_worker_is_a_zombie_is_not_waited_for() {
    let plans = [plan(ms(0), asks(ms(5_000))), plan(ms(20), asks(ms(5_000)))];
    let late = Fault::Blow(Whom::Worker(0), When::Call(0), Blow::Starve(ms(1_000)));
    let faults = [late, strike(Whom::Session(0), 5, Blow::Kill), strike(Whom::Worker(0), 10, Blow::Kill)];
    on_machines(
        |machine| machine.with_zombies(true),
        StandardWorker::default(),
        &plans,
        &faults,
        |told| {
            let worker = told.worker(1);
            assert_eq!((&worker.outcome, told.launches), (&Outcome::Started, 2));
            assert!(worker.elapsed < ms(100), "{:?}", worker.elapsed);
        },
    );
}

#[test]
fn a_hung_worker_is_asked_before_it_is_killed_and_a_stopped_one_is_not_made_to_go_on() {
    let visits = [(ms(0), ms(5_000)), (ms(200), ms(9_000))];
    on_every_schedule(&visits, &[strike(Whom::Incumbent, 100, Blow::Wedge { spinning: false })], |told| {
        let (asked, killed) = (told.when("session 1", "Terminate"), told.when("session 1", "Kill"));
        assert_eq!((asked.len(), killed.len()), (1, 1));
        assert!(about(killed[0] - asked[0], ms(300)), "{asked:?} {killed:?}");
    });
    on_every_schedule(&visits, &[strike(Whom::Incumbent, 100, Blow::Stop(None))], |told| {
        assert_eq!((told.when("session 1", "Terminate").len(), told.when("session 1", "Kill").len()), (0, 1));
    });
}

/// In office, but without a record of its own: the predecessor's is there.
#[test]
fn a_worker_that_hangs_before_its_first_record_has_the_time_of_one_that_starts() {
    let hangs = Fault::Blow(Whom::Worker(1), When::Call(9), Blow::Wedge { spinning: false });
    let visits = [(ms(0), ms(5_000)), (ms(200), ms(100)), (ms(400), ms(20_000))];
    for (end, limit) in [(Blow::Terminate, 6 * HANG_LIMIT), (Blow::Kill, HANG_LIMIT)] {
        on_every_schedule(&visits, &[hangs, strike(Whom::Incumbent, 100, end)], |told| {
            told.error(1, "starting");
            let worker = told.worker(2);
            assert!(worker.elapsed > limit && worker.elapsed < limit + ms(1_000), "{:?}", worker.elapsed);
        });
    }
}

#[test]
fn a_worker_without_its_key_on_a_full_disk_is_no_stranger() {
    let visits = [(ms(0), ms(5_000)), (ms(200), ms(900))];
    let full = Fault::Havoc(ms(50), Havoc::Trouble(Trouble::DiskFull, None, ms(60_000)));
    let faults = [full, Fault::Havoc(ms(100), Havoc::Delete(layout::PROOF_KEY))];
    on_every_schedule(&visits, &faults, |told| {
        told.error(1, "unresponsive");
    });
}

#[test]
fn a_session_of_another_name_in_the_same_directory_does_not_get_the_worker() {
    let plans = [plan(ms(0), asks(ms(5_000))), plan(ms(200), asks(ms(500)).of(|id| id.name("other")))];
    of_sessions(StandardWorker::default(), &plans, &[], |told| match &told.answers[&1] {
        Answer::Error { code: "foreign", message, .. } => {
            assert!(message.contains("it is the worker of \"default\""), "{message}");
        }
        // The last look was cut short by the deadline.
        Answer::Error { code: "unresponsive", .. } => {}
        other => panic!("{other:?}"),
    });
}

#[test]
fn a_worker_on_another_port_than_asked_for_is_given_with_a_warning() {
    let on = |after: u64, port: &str| plan(ms(after), asks(ms(5_000)).of(|id| id.port(port)));
    let other = (PORT + 1).to_string();
    let plans = [on(0, &PORT.to_string()), on(200, &other), on(300, &PORT.to_string()), on(400, "auto")];
    of_sessions(StandardWorker::default(), &plans, &[], |told| {
        for session in [0, 2, 3] {
            assert_eq!((told.worker(session).port.get(), told.worker(session).warnings.len()), (PORT, 0));
        }
        let warnings = &told.worker(1).warnings;
        assert!(warnings.len() == 1 && warnings[0].contains(&other), "{warnings:?}");
    });
}

#[test]
fn a_session_that_may_not_connect_says_so_and_does_not_call_the_port_taken() {
    let visits = [(ms(10), ms(9_000)), (ms(4_000), ms(9_000))];
    let faults = [
        Fault::Havoc(ms(0), Havoc::Squat(Squatter::Alien, ms(9_000))),
        Fault::Havoc(ms(3_900), Havoc::Trouble(Trouble::Sandbox, Some(1), ms(9_000))),
    ];
    on_every_schedule(&visits, &faults, |told| {
        told.error(0, "port_taken");
        let words = told.error(1, "not_permitted");
        assert!(words.contains("connect to the worker's port"), "{words}");
    });
}

#[test]
fn who_starts_a_worker_on_a_network_file_system_is_warned_once() {
    let plans = [plan(ms(0), asks(ms(5_000))), plan(ms(200), asks(ms(5_000)))];
    let on_nfs = |machine: Simulation| machine.with_network_file_system("nfs");
    on_machines(on_nfs, StandardWorker::default(), &plans, &[], |told| {
        let warnings = &told.worker(0).warnings;
        assert!(warnings.len() == 1 && warnings[0].contains("network file system (nfs)"), "{warnings:?}");
        assert!(told.worker(1).warnings.is_empty());
    });
}

#[test]
fn a_worker_that_may_not_listen_says_so_and_does_not_call_the_port_taken() {
    let slow = StandardWorker { start: ms(300), ..StandardWorker::default() };
    let denied = Fault::Havoc(ms(100), Havoc::Trouble(Trouble::Sandbox, None, ms(60_000)));
    of_workers(slow, &[(ms(0), ms(5_000))], &[denied], |told| {
        let words = told.error(0, "worker_failed");
        assert!(words.contains("can't listen on"), "{words}");
    });
}

/// The old worker has the port until it is asked, and learns from that that its directory was replaced.
#[test]
fn a_worker_of_a_replaced_directory_makes_way_for_the_next_one() {
    let visits = [(ms(0), ms(5_000)), (ms(150), ms(5_000))];
    for by in [Replacement::Empty, Replacement::Copy] {
        let faults = [Fault::Havoc(ms(100), Havoc::ReplaceDirectory(by))];
        on_every_schedule(&visits, &faults, |told| {
            let worker = told.worker(1);
            assert_eq!((&worker.outcome, told.launches), (&Outcome::Started, 2));
            assert!(worker.elapsed < ms(1_000), "{:?}", worker.elapsed);
        });
    }
}

/// A session that watches a slow start gives up before the end of it.
#[test]
fn what_was_suspected_of_a_worker_that_starts_is_void_once_it_serves() {
    let slow = StandardWorker { start: ms(5_000), ..StandardWorker::default() };
    let visits = [(ms(0), ms(20_000)), (ms(100), ms(4_000)), (ms(6_000), ms(9_000))];
    let faults = [
        strike(Whom::Session(0), 50, Blow::Kill),
        strike(Whom::Worker(0), 5_500, Blow::Wedge { spinning: false }),
    ];
    of_workers(slow, &visits, &faults, |told| {
        told.error(1, "starting");
        let (looking, starting) =
            (told.when("session 1", "looking at"), told.when("session 1", "is starting"));
        assert!(starting.last() > looking.last(), "it does not say what it sees");
        let replaced = told.when("session 2", "waits: replacing");
        assert!(replaced[0] > ms(8_000), "{replaced:?}");
    });
}

/// When a trace's clock begins.
const BEGINNING: Duration = ms(1_000);

/// First it is seen when the session signals a worker that is halted for ever; then the worker goes on so long before that.
fn goes_on_before_the_signal(halt: impl Fn(Option<Duration>) -> Blow, before: Duration, seed: u64) -> Told {
    let plans = [plan(ms(0), asks(ms(5_000))), plan(ms(200), asks(ms(20_000)))];
    let halted = |until| {
        let machine = Simulation::new(seed, Schedule::Random(Dice::new(seed)));
        let faults = [strike(Whom::Incumbent, 100, halt(until))];
        tell(machine.with_program(Arc::new(StandardWorker::default())), &plans, &faults)
    };
    let signalled = halted(None).when("session 1", " signal ")[0];
    halted(Some(signalled - BEGINNING - ms(100) - before))
}

/// It gives its proof, or not yet, while the session judges it by what was suspected before. A proof in time is told by the file that it
/// removes, and by no file that the session has written since.
#[test]
fn a_worker_that_goes_on_right_before_the_signal_is_left_alone() {
    let starve = |until: Option<Duration>| Blow::Starve(until.unwrap_or(ms(100_000)));
    for seed in 0..3 {
        for before in (0..500).step_by(25).map(Duration::from_micros) {
            // No guarantee breaks.
            goes_on_before_the_signal(starve, before, seed);
            let told = goes_on_before_the_signal(Blow::Stop, before, seed);
            if let [.., judged, last] = looks_before_the_signal(&told)[..] {
                assert!(!judged.contains("Stopped") || last.contains("Stopped"), "{judged}\n{last}");
            }
        }
    }
}

/// How the session saw the worker each time, up to its first signal if there was one.
fn looks_before_the_signal(told: &Told) -> Vec<&str> {
    let signalled = told.trace.iter().position(|line| line.contains(" signal ")).unwrap_or(0);
    let looks = told.trace[..signalled].iter().filter(|line| line.contains("look at process"));
    looks.map(String::as_str).collect()
}

/// A late worker, whose launch nobody remembers, takes office in the instant in which a hung one is killed.
#[test]
fn a_worker_that_comes_to_office_right_after_the_kill_is_not_taken_for_the_killed_one() {
    let plans =
        [plan(ms(0), asks(ms(20_000))), plan(ms(30), asks(ms(5_000))), plan(ms(600), asks(ms(9_000)))];
    let late = |seed, until| {
        let faults = [
            Fault::Blow(Whom::Worker(0), When::Call(0), Blow::Starve(until)),
            strike(Whom::Session(0), 5, Blow::Kill),
            Fault::Havoc(ms(20), Havoc::Delete(layout::LAUNCH)),
            strike(Whom::Worker(1), 500, Blow::Wedge { spinning: false }),
        ];
        let machine = Simulation::new(seed, Schedule::Random(Dice::new(seed)));
        tell(machine.with_program(Arc::new(StandardWorker::default())), &plans, &faults)
    };
    let mut came = 0;
    for seed in 0..5 {
        let first = late(seed, ms(100_000));
        let (starved, killed) = (first.when("ADVERSARY", "Starve")[0], first.when("session 2", " Kill")[0]);
        for before in (0..200).step_by(10).map(Duration::from_micros) {
            let told = late(seed, killed - starved - before);
            came += u32::from(told.worker(2).outcome == Outcome::Waited);
        }
    }
    assert!(came > 0, "it never came in that instant");
}

const STOP: Errand = Errand::Stop { force: false };
const FORCE: Errand = Errand::Stop { force: true };

#[test]
fn a_worker_that_is_well_is_asked_to_stop_and_not_signalled() {
    let plans = [
        plan(ms(0), asks(ms(5_000))),
        comes_for(FORCE, ms(200), asks(ms(4_000))),
        comes_for(STOP, ms(400), asks(ms(4_000))),
        plan(ms(600), asks(ms(5_000))),
        comes_for(STOP, ms(800), asks(ms(4_000))),
    ];
    of_sessions(StandardWorker::default(), &plans, &[], |told| {
        assert_eq!((told.forced(1), told.forced(4)), (false, false));
        assert_eq!(told.answers[&2], Answer::Stopped(Stopped::NothingRan));
        let worker = told.worker(3);
        let ended = Stopped::Ended { pid: Some(worker.pid), epoch: Some(worker.epoch), forced: false };
        assert_eq!((worker.epoch.0, &told.answers[&4]), (2, &Answer::Stopped(ended)));
        assert!(told.when("session", " signal ").is_empty());
    });
}

/// At half of the deadline it is asked by a signal, and killed at three quarters.
#[test]
fn a_worker_that_does_not_stop_is_named_and_with_force_it_is_signalled() {
    let lingers = StandardWorker { linger: ms(60_000), ..StandardWorker::default() };
    let plans = [
        plan(ms(0), asks(ms(5_000))),
        comes_for(STOP, ms(200), asks(ms(1_000))),
        comes_for(FORCE, ms(2_000), asks(ms(4_000))),
    ];
    let signals_at = |told: &Told, asked: u64, killed: u64| {
        let (terminate, kill) = (told.when("session 2", " Terminate"), told.when("session 2", " Kill"));
        assert_eq!((terminate.len(), kill.len(), told.forced(2)), (1, 1, true));
        assert!(about(terminate[0], BEGINNING + ms(asked)), "{terminate:?}");
        assert!(about(kill[0], BEGINNING + ms(killed)), "{kill:?}");
    };
    of_sessions(lingers, &plans, &[], |told| {
        let words = told.error(1, "leaving");
        assert!(words.contains(&format!("pid {}", told.worker(0).pid)), "{words}");
        signals_at(told, 4_000, 5_000);
    });
    for (blow, state) in [(Blow::Stop(None), "stopped"), (Blow::Wedge { spinning: false }, "hangs")] {
        of_sessions(lingers, &plans, &[strike(Whom::Incumbent, 100, blow)], |told| {
            let words = told.error(1, "unresponsive");
            assert!(words.contains(state), "{words}");
            signals_at(told, 4_000, 5_000);
        });
    }
}

/// Its key is lost, and there is no room to put it back.
#[test]
fn a_worker_that_can_not_be_asked_to_stop_is_signalled_at_once() {
    let plans = [
        plan(ms(0), asks(ms(5_000))),
        comes_for(STOP, ms(200), asks(ms(1_000))),
        comes_for(FORCE, ms(2_000), asks(ms(4_000))),
    ];
    let full = Fault::Havoc(ms(50), Havoc::Trouble(Trouble::DiskFull, None, ms(60_000)));
    let faults = [full, Fault::Havoc(ms(100), Havoc::Delete(layout::PROOF_KEY))];
    of_sessions(StandardWorker::default(), &plans, &faults, |told| {
        told.error(1, "unresponsive");
        assert!(told.forced(2));
        assert!(told.when("session 2", " Terminate")[0] < BEGINNING + ms(2_100));
        assert!(told.when("session 2", " Kill").is_empty());
    });
}

#[test]
fn a_stop_waits_for_a_lock_that_nobody_in_particular_keeps_and_then_names_it() {
    let plans = [
        plan(ms(0), asks(ms(5_000))),
        comes_for(STOP, ms(200), asks(ms(1_000))),
        comes_for(STOP, ms(200), asks(ms(9_000))),
    ];
    let faults = [strike(Whom::Incumbent, 100, Blow::Fork), strike(Whom::Incumbent, 101, Blow::Kill)];
    of_sessions(StandardWorker::default(), &plans, &faults, |told| {
        told.error(1, "lock_leaked");
        let named = told.when("session 1", "error lock_leaked");
        assert!(about(named[0], BEGINNING + ms(1_150)), "{named:?}");
        assert!(!told.forced(2));
    });
}

#[test]
fn a_look_tells_what_keeps_the_worker_from_answering() {
    let manner = StandardWorker { start: ms(300), linger: ms(700), ..StandardWorker::default() };
    let looks = |after: u64| comes_for(Errand::Look, ms(after), asks(ms(400)));
    let plans = [
        looks(0),
        plan(ms(10), asks(ms(5_000))),
        looks(100),
        looks(500),
        looks(1_000), // it is leaving
        looks(2_000), // it has left
        plan(ms(2_100), asks(ms(5_000))),
        looks(3_000), // it hangs
        looks(4_000), // it was killed
    ];
    let faults = [
        strike(Whom::Incumbent, 900, Blow::Terminate),
        strike(Whom::Incumbent, 2_900, Blow::Wedge { spinning: false }),
        strike(Whom::Incumbent, 3_900, Blow::Kill),
    ];
    of_sessions(manner, &plans, &faults, |told| {
        for session in [0, 5, 8] {
            assert_eq!(told.seen(session), (false, None), "{session}");
        }
        assert_eq!(told.seen(2), (true, Some("it is starting")));
        assert_eq!(told.answers[&3], Answer::Seen { in_office: true, proved: true, trouble: None });
        assert_eq!(told.seen(4), (true, Some("it is stopping")));
        assert_eq!(told.seen(7), (true, Some("it does not answer")));
        // The rest of its time is for the other looks.
        let ended = told.when("session 7", "exits with status");
        assert!(about(ended[0], BEGINNING + ms(3_250)), "{ended:?}");
    });
}

#[test]
fn a_look_names_a_worker_of_other_protocols() {
    let speaks = |min, max| asks(ms(1_000)).protocol(protocols(min, max));
    let plans = [
        plan(ms(0), speaks(2, 2)),
        comes_for(Errand::Look, ms(200), speaks(1, 1)),
        comes_for(Errand::Look, ms(300), speaks(3, 3)),
        comes_for(STOP, ms(400), speaks(1, 1)),
    ];
    of_sessions(StandardWorker::default(), &plans, &[], |told| {
        for (session, age) in [(1, "new"), (2, "old")] {
            let trouble = Some(format!("it is too {age} for this version of the program"));
            assert_eq!(told.answers[&session], Answer::Seen { in_office: true, proved: true, trouble });
        }
        assert!(!told.forced(3));
    });
}

/// The record is of an earlier boot, and the worker that is stuck before its own is one that nobody remembers to have launched: a kernel that
/// shares its locks with other machines would name such a pid too.
#[test]
fn a_holder_whose_record_speaks_of_another_boot_is_left_alone_if_nobody_has_launched_it() {
    let visits = [(ms(0), ms(5_000)), (ms(200), ms(100)), (ms(400), ms(500)), (ms(1_000), ms(9_000))];
    let faults = [
        Fault::Havoc(ms(100), Havoc::PowerFailure),
        Fault::Blow(Whom::Worker(1), When::Call(9), Blow::Wedge { spinning: false }),
        Fault::Havoc(ms(350), Havoc::Delete(layout::LAUNCH)),
    ];
    let survived = std::cell::Cell::new(0);
    on_every_schedule(&visits, &faults, |told| {
        // Some records are lost with the power.
        if told.when("session 2", "read worker.json").len() > told.when("session 2", "boot-1").len() {
            return;
        }
        survived.set(survived.get() + 1);
        for session in [2, 3] {
            let words = told.error(session, "other_machine");
            assert!(words.contains("boot"), "{words}");
        }
        assert!(told.when("session", " signal ").is_empty());
    });
    assert!(survived.get() > 0, "no record outlived the power");
}

/// It has a copy of whatever its parent has open at that moment.
#[test]
fn a_child_that_is_forked_in_the_midst_of_a_look_keeps_nobody_from_office() {
    let any = |after: u64| plan(ms(after), asks(ms(5_000)).of(|id| id.port("auto")));
    for (call, seed) in (0..40).flat_map(|call| (0..4).map(move |seed| (call, seed))) {
        let forks = Fault::Blow(Whom::Session(1), When::Call(call), Blow::Fork);
        let machine = Simulation::new(seed, Schedule::Random(Dice::new(seed)));
        let machine = machine.with_program(Arc::new(StandardWorker::default()));
        let told = tell(machine, &[any(0), any(200)], &[strike(Whom::Incumbent, 100, Blow::Kill), forks]);
        let worker = told.worker(1);
        assert!(worker.elapsed < ms(100), "call {call}, seed {seed}: {:?}", worker.elapsed);
    }
}
