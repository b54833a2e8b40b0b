//! What random stories have found in the protocol, each told again in the least words that break it.

#![allow(missing_docs, reason = "the names say it")]

use std::time::Duration;

use coordinator::{UpgradePolicy, layout};
use oneworker_simulation::scenario::{Scenario, Visit};
use oneworker_simulation::{Ambush, Blow, Fault, Havoc, StandardWorker, When, Whom};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Tells a story. Each session comes so many microseconds after the beginning, with so many milliseconds for its deadline.
fn holds<const N: usize>(seed: u64, sessions: [(u64, u64); N], faults: Vec<Fault>, hang_limit: Duration) {
    let visit = |(after, deadline)| Visit {
        after: Duration::from_micros(after),
        deadline: ms(deadline),
        version: 0,
        protocol: 1,
        port: None,
        upgrade: UpgradePolicy::Reuse,
    };
    let (visits, manner) = (sessions.map(visit).into(), StandardWorker::default());
    let scenario = Scenario { seed, visits, faults, manner, hang_limit, zombies: false };
    if let Err(broken) = scenario.tell(true) {
        panic!("{}\n{}", broken.what, broken.trace.join("\n"));
    }
}

/// The machine loses its power, and the first worker of the new boot gets stuck before its first record; its lock file is deleted. The old
/// boot's record spoke of "another machine", so nobody ended it, ever.
#[test]
fn a_record_of_an_earlier_boot_does_not_protect_a_worker_that_is_stuck_in_this_one() {
    for call in 4..16 {
        holds(
            67125,
            [(40_000, 20), (0, 20)],
            vec![
                Fault::Havoc(ms(1), Havoc::PowerFailure),
                Fault::Blow(Whom::Worker(1), When::Call(call), Blow::Wedge { spinning: false }),
                Fault::Havoc(ms(13), Havoc::Delete(layout::WORKER_LOCK)),
            ],
            ms(1_000),
        );
    }
}

/// A session is kept from the CPU in the midst of its watch, and comes back with an old look at a worker that has been busy all the time: it
/// was ended after a sixth of the time that a busy one has.
#[test]
fn an_old_look_does_not_make_a_busy_worker_a_hung_one() {
    let sessions = [
        (49, 20),
        (2_069, 41),
        (1_066_000, 833),
        (1_625, 1_553),
        (2_898, 316),
        (1_026, 2_882),
        (1_844, 606),
        (49, 2_919),
        (1_755, 608),
        (1_127_000, 1_686),
        (2_749, 2_033),
        (2_749, 2_522),
        (1_130_000, 367),
        (1_328, 873),
        (2_020, 1_451),
        (1_839, 317),
        (2_749, 1_553),
        (233_000, 2_786),
        (2_820, 578),
        (1_867, 1_951),
    ];
    holds(
        98094,
        sessions,
        vec![
            Fault::Blow(Whom::Session(7), When::Call(52), Blow::Starve(ms(2_166))),
            Fault::Blow(Whom::Incumbent, When::Call(56), Blow::Wedge { spinning: true }),
        ],
        ms(584),
    );
}

/// A stopped worker goes on, and gives a proof, between the judgement and the signal.
#[test]
fn a_worker_that_goes_on_at_the_last_moment_is_left_alone() {
    let sessions = [(2_699, 20), (132_000, 1_159), (282_000, 1_893), (11, 20), (1_222, 20)];
    holds(
        10_095_805,
        sessions,
        vec![Fault::Blow(Whom::Worker(0), When::Call(86), Blow::Stop(Some(ms(1_101))))],
        ms(500),
    );
}

/// A debugger comes in the pause between the look and the judgement.
#[test]
fn a_debugger_that_comes_after_the_look_keeps_the_worker_from_being_ended() {
    holds(
        85919,
        [(13_081, 875), (15, 20)],
        vec![
            Fault::Ambush(Ambush {
                call: "signal",
                after: 0,
                whom: Whom::Incumbent,
                blow: Blow::Trace(ms(1_000)),
            }),
            Fault::Havoc(Duration::from_micros(1_419), Havoc::Delete(layout::RECORD)),
        ],
        ms(500),
    );
}

/// A worker is stopped after it has cleared the suspicion and before it gives its proof; what is suspected meanwhile is void once somebody has
/// the proof, although no other follows.
#[test]
fn a_proof_voids_what_was_suspected_on_its_way() {
    for call in 60..75 {
        holds(
            151_937,
            [(1_311, 1_304), (29, 20)],
            vec![
                Fault::Blow(Whom::Worker(0), When::Call(call), Blow::Stop(Some(ms(1_001)))),
                Fault::Blow(Whom::Worker(0), When::Call(call + 3), Blow::Wedge { spinning: false }),
            ],
            ms(612),
        );
    }
}

/// The same, where the only one who has the proof is a session that waits for another's election.
#[test]
fn a_proof_to_one_who_is_not_elected_voids_what_was_suspected_on_its_way() {
    for call in 50..64 {
        holds(
            1_228_201,
            [
                (1_636, 267),
                (198, 641),
                (1_748, 20),
                (1_026, 22),
                (1_026, 2_569),
                (2_715, 336),
                (2_005, 1_352),
                (2_030, 335),
                (7_188, 356),
            ],
            vec![
                Fault::Blow(Whom::Worker(0), When::Call(call), Blow::Stop(Some(ms(1_246)))),
                Fault::Blow(Whom::Worker(0), When::Call(call + 2), Blow::Wedge { spinning: false }),
            ],
            ms(715),
        );
    }
}

/// A session that adds to a suspicion is kept from the CPU between reading and writing it, dies right after that, and meanwhile the worker proves
/// itself to another. What was written put the suspicion back with its old beginning, and the worker, silent from now on, was ended too early.
#[test]
fn a_suspicion_that_a_proof_has_removed_is_not_put_back() {
    for (call, more) in (60..120).flat_map(|call| [4, 6, 8].map(|more| (call, more))) {
        holds(
            1,
            [(0, 2_000), (210_000, 6_000), (300_000, 6_000), (2_100_000, 9_000)],
            vec![
                Fault::Blow(Whom::Worker(0), When::At(ms(200)), Blow::Stop(Some(ms(1_800)))),
                Fault::Blow(Whom::Session(1), When::Call(call), Blow::Starve(ms(600))),
                Fault::Blow(Whom::Session(1), When::Call(call + more), Blow::Kill),
                Fault::Blow(Whom::Worker(0), When::At(ms(2_005)), Blow::Wedge { spinning: false }),
            ],
            ms(2_000),
        );
    }
}

/// A worker dies right after it was ready, while its session is kept from the CPU; another session launches the next one, which is slow to its
/// office. The first session noted that its launch went well in the place of the other's note, and launched beside it.
#[test]
fn a_launch_that_went_well_does_not_hide_another_that_is_on_its_way() {
    for (halted, dies) in (14..34).flat_map(|halted| (38..50).map(move |dies| (halted, dies))) {
        holds(
            5382,
            [(0, 2_000), (1_000, 500)],
            vec![
                Fault::Blow(Whom::Session(0), When::Call(halted), Blow::Starve(ms(300))),
                Fault::Blow(Whom::Worker(0), When::Call(dies), Blow::Kill),
                Fault::Blow(Whom::Worker(1), When::Call(0), Blow::Stop(Some(ms(200)))),
            ],
            ms(500),
        );
    }
}
