//! Random stories on the simulated machine: no guarantee of `docs/protocol.md` breaks.
//!
//! `SIMULATION_STORIES` and `SIMULATION_SEED` tell more of them, or others; what breaks is shrunk and printed with the number that repeats it.

#![allow(missing_docs, reason = "the names say it")]

use oneworker_simulation::scenario;

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable)
        .map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable}: a number")))
}

#[test]
fn no_guarantee_breaks_in_any_story() {
    let (first, stories) = (number("SIMULATION_SEED", 0), number("SIMULATION_STORIES", 10_000));
    let threads = 2;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for story in (thread..stories).step_by(threads as usize) {
                    if let Err(found) = scenario::check(first.wrapping_add(story)) {
                        panic!("{found}");
                    }
                }
            });
        }
    });
}

#[test]
fn a_story_is_told_the_same_way_each_time() {
    for seed in 0..50 {
        let scenario = scenario::scenario_of(seed);
        assert_eq!(scenario.tell(false), scenario.tell(false), "story {seed}");
    }
}
