//! The harness shows its teeth: take a protection away, and one of its default number of stories breaks a guarantee.
#![cfg(all(oneworker_test, debug_assertions))]
#![allow(missing_docs, reason = "the names say it")]
#![allow(clippy::print_stdout, reason = "which story notices what is worth reading")]
#![allow(clippy::expect_used, reason = "a test that can not go on has failed")]

use std::time::Duration;

use coordinator::{EnsureRequest, LaunchCommand, WorkerId};
use oneworker_sabotage::{Sabotage, switch_on};
use oneworker_simulation::scenario::scenario_of;
use oneworker_simulation::{
    Answer, Blow, Dice, Errand, Fault, STATE_DIR, Schedule, SessionPlan, Simulation, When, Whom,
};

/// As many stories as `stories.rs` tells by default.
const STORIES: u64 = 10_000;

/// What no random story of the default number notices, and which test does.
const NOTICED_BY_OTHER_TESTS: &[(Sabotage, &str)] = &[
    (Sabotage::RankAlwaysZero, "a_session_gets_past_an_elected_one_that_is_stopped_for_ever, below"),
    (Sabotage::ZombieTakenForAlive, "a_launched_worker_that_is_a_zombie_is_not_waited_for, below"),
    (
        Sabotage::OvershootCounted,
        "coordinator: a_wait_that_overshoots_on_a_loaded_machine_counts_only_as_asked",
    ),
    (
        Sabotage::AddressUnchecked,
        "real processes: a_relay_to_this_very_worker_is_found_out_by_the_address_it_can_not_prove",
    ),
    (Sabotage::DeadSuccessorTrusted, "handover: a_worker_whose_successor_dies_in_the_drain_stays_in_office"),
    (Sabotage::FenceUnchecked, "coordinator: without_the_check_a_stale_connection_commits"),
    (Sabotage::ClaimNotSynced, "disk: a_claim_that_is_not_synced_is_noticed"),
    (Sabotage::AnsweredBeforeCommit, "worker: an_answer_before_the_commit_is_noticed"),
];

#[test]
fn every_other_sabotage_is_noticed_by_a_random_story() {
    let by_stories =
        |sabotage: &Sabotage| NOTICED_BY_OTHER_TESTS.iter().all(|(elsewhere, _)| elsewhere != sabotage);
    let sabotages: Vec<Sabotage> = Sabotage::ALL.iter().copied().filter(by_stories).collect();
    assert!(sabotages.len() >= 20, "only {}", sabotages.len());
    let unnoticed: Vec<Sabotage> = std::thread::scope(|scope| {
        let shares = sabotages.chunks(sabotages.len().div_ceil(2));
        let threads: Vec<_> = shares
            .map(|share| {
                scope.spawn(move || {
                    share.iter().copied().filter(|sabotage| !is_noticed(*sabotage)).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect()
    });
    assert!(unnoticed.is_empty(), "no story breaks with {unnoticed:?}");
}

fn is_noticed(sabotage: Sabotage) -> bool {
    let _on = switch_on(sabotage);
    let broken =
        (0..STORIES).find_map(|seed| scenario_of(seed).tell(false).err().map(|broken| (seed, broken.what)));
    match &broken {
        Some((seed, what)) => println!("{sabotage}: story {seed}: {what}"),
        None => println!("{sabotage}: unnoticed"),
    }
    broken.is_some()
}

/// Whether the second of two sessions gets a worker, whatever befalls the first, or its worker, at any of its calls.
fn the_second_session_is_served(befalls: impl Fn(u32) -> Vec<Fault>) -> bool {
    (1..45).all(|call| {
        let mut machine = Simulation::new(7, Schedule::Random(Dice::new(7))).with_zombies(true);
        for number in 0..2 {
            let id = WorkerId::builder().port("auto").state_dir(STATE_DIR).build().expect("an identity");
            let request = EnsureRequest::builder(id, LaunchCommand::new("/opt/oneworker", ["serve"]))
                .hang_limit(Duration::from_secs(2))
                .build()
                .expect("a request");
            machine.session(
                number,
                Duration::from_millis(100) * number,
                SessionPlan { request, errand: Errand::Worker },
            );
        }
        befalls(call).into_iter().for_each(|fault| machine.fault(fault));
        machine.run();
        // The first launch may be its own, and fails then.
        matches!(
            machine.answers().get(&1),
            Some(Answer::Worker(_) | Answer::Error { code: "launch_failed", .. })
        )
    })
}

#[test]
fn a_session_gets_past_an_elected_one_that_is_stopped_for_ever() {
    let stopped = |call| vec![Fault::Blow(Whom::Session(0), When::Call(call), Blow::Stop(None))];
    assert!(the_second_session_is_served(stopped));
    let _on = switch_on(Sabotage::RankAlwaysZero);
    assert!(!the_second_session_is_served(stopped));
}

#[test]
fn a_launched_worker_that_is_a_zombie_is_not_waited_for() {
    let both_die = |call| {
        vec![
            Fault::Blow(Whom::Session(0), When::Call(call), Blow::Kill),
            Fault::Blow(Whom::Worker(0), When::Call(5), Blow::Kill),
        ]
    };
    assert!(the_second_session_is_served(both_die));
    let _on = switch_on(Sabotage::ZombieTakenForAlive);
    assert!(!the_second_session_is_served(both_die));
}
