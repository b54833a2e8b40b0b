//! A hand-over on the simulated machine, with each of those who have a part in it killed or halted at each of their calls; and every schedule of one
//! within bounds.

#![allow(missing_docs, reason = "the names say it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can not go on has failed")]
#![allow(clippy::print_stdout, reason = "what was covered is worth reading")]

use std::sync::Arc;
use std::time::Duration;

use coordinator::{EnsureRequest, LaunchCommand, Outcome, ReplaceReason, UpgradePolicy, Worker, WorkerId};
#[cfg(all(oneworker_test, debug_assertions))]
use oneworker_sabotage::{Sabotage, switch_on};
use oneworker_simulation::search::{Bounds, search};
use oneworker_simulation::{
    Answer, Blow, Dice, Errand, Fault, Pause, STATE_DIR, Schedule, SessionPlan, Simulation, StandardWorker,
    When, Whom,
};

/// More calls than anybody makes in these stories.
const CALLS: u32 = 120;
const OLD: Whom = Whom::Worker(0);
const SUCCESSOR: Whom = Whom::Worker(1);

fn plan(version: &str, deadline: Duration) -> SessionPlan {
    let id = WorkerId::builder().port("auto").state_dir(STATE_DIR).version(version).build().unwrap();
    let launch = LaunchCommand::new(format!("/opt/{version}/oneworker"), ["serve"]);
    let request = EnsureRequest::builder(id, launch)
        .upgrade(UpgradePolicy::Newest)
        .hang_limit(Duration::from_secs(1))
        .deadline(deadline)
        .build()
        .unwrap();
    SessionPlan { request, errand: Errand::Worker }
}

/// A session of 1.0.0; one of 2.0.0 when that one's worker serves; and another one of each after all is over.
fn tell(manner: StandardWorker, faults: impl IntoIterator<Item = Fault>) -> Simulation {
    let mut machine = Simulation::new(7, Schedule::Random(Dice::new(7))).with_program(Arc::new(manner));
    let second = Duration::from_secs(1);
    for (number, (after, version)) in
        (0..).zip([(0, "1.0.0"), (1, "2.0.0"), (100, "1.0.0"), (130, "2.0.0"), (160, "1.0.0")])
    {
        machine.session(number, second * after, plan(version, 20 * second));
    }
    let faults: Vec<_> = faults.into_iter().collect();
    faults.iter().for_each(|fault| machine.fault(*fault));
    assert_eq!(machine.run(), Pause::Done, "{faults:?}: {:?}", machine.broken());
    machine
}

fn worker(machine: &Simulation, session: u32) -> Worker {
    match &machine.answers()[&session] {
        Answer::Worker(worker) => (**worker).clone(),
        other => panic!("session {session} got {other:?}"),
    }
}

#[test]
fn a_newer_version_takes_over_once_and_older_sessions_get_it() {
    let machine = tell(StandardWorker::default(), None);
    let new = worker(&machine, 1);
    let Outcome::Replaced { why: ReplaceReason::Handed { pid, version } } = &new.outcome else {
        panic!("{new:?}")
    };
    assert_eq!((*pid, version.to_string()), (worker(&machine, 0).pid, "1.0.0".to_owned()));
    assert!((2..5).all(|session| (worker(&machine, session).pid, worker(&machine, session).epoch.0) == (new.pid, 2)));
    assert_eq!(machine.launches(), 2);
}

/// With this blow to somebody at each of his calls: both later sessions get one and the same worker.
fn with_each(whom: Whom, blow: Blow) {
    for drain in [Duration::ZERO, Duration::from_millis(40)] {
        for call in 1..CALLS {
            let fault = Fault::Blow(whom, When::Call(call), blow);
            let machine = tell(StandardWorker { drain, ..StandardWorker::default() }, Some(fault));
            // Whoever is struck right before the end of the hand-over may have been the worker of the sessions after it.
            let last = worker(&machine, 4);
            assert_eq!(worker(&machine, 3).pid, last.pid, "{whom:?}, {blow:?}, call {call}");
            assert!(
                machine.launches() <= 4,
                "{} launches: {whom:?}, {blow:?}, call {call}",
                machine.launches()
            );
        }
    }
}

#[test]
fn whoever_is_killed_at_whichever_call_the_next_sessions_have_a_worker() {
    for whom in [OLD, SUCCESSOR, Whom::Session(1)] {
        with_each(whom, Blow::Kill);
    }
}

#[test]
fn whoever_is_halted_for_ever_at_whichever_call_the_next_sessions_have_a_worker() {
    for whom in [OLD, SUCCESSOR, Whom::Session(1)] {
        with_each(whom, Blow::Stop(None));
    }
}

#[test]
fn whoever_is_halted_for_a_while_at_whichever_call_the_next_sessions_have_a_worker() {
    for whom in [OLD, SUCCESSOR, Whom::Session(1)] {
        with_each(whom, Blow::Stop(Some(Duration::from_millis(700))));
    }
}

/// Whether the old worker is still in office after its successor has died in the midst of the drain.
fn the_old_worker_stays() -> bool {
    let drain = Duration::from_secs(2);
    let fault = Fault::Blow(SUCCESSOR, When::At(Duration::from_secs(2)), Blow::Kill);
    let machine = tell(StandardWorker { drain, ..StandardWorker::default() }, Some(fault));
    // By then the next session of the new version has come: it is the second one that has the old worker hand over.
    let (first, next) = (worker(&machine, 0), worker(&machine, 2));
    (first.pid, first.epoch) == (next.pid, next.epoch)
}

#[cfg(all(oneworker_test, debug_assertions))]
#[test]
fn a_worker_whose_successor_dies_in_the_drain_stays_in_office() {
    assert!(the_old_worker_stays());
    let _on = switch_on(Sabotage::DeadSuccessorTrusted);
    assert!(!the_old_worker_stays());
}

/// Whether the old worker, which has left, serves again after its successor has died at this time. So has the session that had launched that one: nobody
/// else is there.
fn the_old_worker_comes_back(successor_dies: Duration) -> bool {
    let start = Duration::from_millis(500);
    let session_dies = Duration::from_millis(1040);
    let faults = [(Whom::Session(1), session_dies), (SUCCESSOR, successor_dies)];
    let machine = tell(
        StandardWorker { start, ..StandardWorker::default() },
        faults.map(|(whom, at)| Fault::Blow(whom, When::At(at), Blow::Kill)),
    );
    let (first, next) = (worker(&machine, 0), worker(&machine, 2));
    first.pid == next.pid && next.outcome == Outcome::Reused && machine.launches() == 2
}

#[test]
fn a_worker_whose_successor_dies_before_it_serves_takes_office_again() {
    // Claimed at a second and some milliseconds, it would serve half a second later.
    for ms in (1050..1500).step_by(10) {
        assert!(the_old_worker_comes_back(Duration::from_millis(ms)), "{ms} ms");
    }
    assert!(!the_old_worker_comes_back(Duration::from_millis(1600)), "the successor had served");
}

#[test]
fn a_worker_that_knows_of_no_hand_over_is_retired() {
    let machine = tell(StandardWorker { alone: true, ..StandardWorker::default() }, None);
    let new = worker(&machine, 1);
    assert!(matches!(new.outcome, Outcome::Replaced { why: ReplaceReason::Retired { .. } }), "{new:?}");
    assert_eq!(
        (new.version.to_string(), new.epoch.0, worker(&machine, 4).pid),
        ("2.0.0".to_owned(), 2, new.pid)
    );
}

#[test]
fn every_schedule_of_an_older_and_a_newer_session_within_bounds() {
    for (kills, preemptions) in [(0, 2), (1, 0)] {
        let bounds = Bounds {
            sessions: 2,
            kills,
            waits: 0,
            preemptions: Some(preemptions),
            crossing: true,
            reduced: true,
            upgrades: true,
            most: None,
        };
        let covered =
            search(bounds).unwrap_or_else(|broken| panic!("{}\n{}", broken.what, broken.trace.join("\n")));
        println!("{bounds:?}: {covered:?}");
        assert!(covered.complete && covered.ends > 0, "{covered:?}");
    }
}
