//! Every schedule within bounds. `docs/protocol.md` says what was searched with larger ones, by hand.

#![allow(missing_docs, reason = "the names say it")]
#![allow(clippy::print_stdout, reason = "what was covered is worth reading")]

use oneworker_simulation::search::{Bounds, Covered, search};

fn all(bounds: Bounds) -> Covered {
    let covered =
        search(bounds).unwrap_or_else(|broken| panic!("{}\n{}", broken.what, broken.trace.join("\n")));
    println!("{bounds:?}: {covered:?}");
    assert!(covered.complete && covered.ends > 0, "{covered:?}");
    covered
}

const ONE: Bounds = Bounds {
    sessions: 1,
    kills: 0,
    waits: 0,
    preemptions: None,
    crossing: true,
    reduced: true,
    upgrades: false,
    most: None,
};

#[test]
fn one_session_and_one_death_at_any_point() {
    assert!(all(Bounds { kills: 1, ..ONE }).ends > 50);
}

#[test]
fn one_session_and_two_deaths_at_any_points() {
    assert!(all(Bounds { kills: 2, ..ONE }).ends > 500);
}

#[test]
fn two_sessions_and_a_worker_that_answers_one_question_at_a_time() {
    assert!(all(Bounds { sessions: 2, crossing: false, ..ONE }).ends > 5_000);
}

#[test]
fn two_sessions() {
    assert!(all(Bounds { sessions: 2, ..ONE }).ends > 10_000);
}

#[test]
fn two_sessions_and_one_death_at_any_point_with_one_preemption() {
    assert!(all(Bounds { sessions: 2, kills: 1, preemptions: Some(1), ..ONE }).ends > 500);
}

#[test]
fn two_sessions_and_one_death_at_any_point_with_two_preemptions_and_answers_in_turn() {
    assert!(all(Bounds { sessions: 2, kills: 1, preemptions: Some(2), crossing: false, ..ONE }).ends > 5_000);
}

fn nothing_is_lost(bounds: Bounds) {
    let (reduced, whole) = (all(bounds), all(Bounds { reduced: false, ..bounds }));
    assert!(reduced.schedules * 5 < whole.schedules);
    // A step that is left out of the orders is no preemption either: with a bound on those there may be more outcomes, and never fewer.
    assert!(whole.outcomes.0.is_subset(&reduced.outcomes.0));
    assert!(bounds.preemptions.is_some() || whole.outcomes == reduced.outcomes);
}

#[test]
fn what_is_left_out_leads_to_no_other_outcome() {
    nothing_is_lost(Bounds { kills: 1, ..ONE });
    nothing_is_lost(Bounds { sessions: 2, preemptions: Some(1), ..ONE });
}

#[test]
#[ignore = "takes minutes"]
fn what_is_left_out_leads_to_no_other_outcome_where_more_happens() {
    nothing_is_lost(Bounds { kills: 2, ..ONE });
    nothing_is_lost(Bounds { sessions: 2, preemptions: Some(2), ..ONE });
    nothing_is_lost(Bounds { sessions: 2, kills: 1, preemptions: Some(1), crossing: false, ..ONE });
}

#[test]
fn three_sessions_with_one_preemption() {
    assert!(all(Bounds { sessions: 3, preemptions: Some(1), ..ONE }).ends > 100);
}

#[cfg(all(oneworker_test, debug_assertions))]
#[test]
fn the_search_finds_two_launches_where_the_election_is_not_held() {
    let _not_held = oneworker_sabotage::switch_on(oneworker_sabotage::Sabotage::ElectionNotHeld);
    assert!(search(Bounds { sessions: 2, preemptions: Some(2), ..ONE }).is_err());
}
