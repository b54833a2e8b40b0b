//! The store on a disk whose power fails (`oneworker_disk`): nothing that was acknowledged is lost,
//! nothing is doubled.
//!
//! A *story* is made from one number. `DISK_STORIES` and `DISK_SEED` tell more of them, or others;
//! what breaks is printed with the number that repeats it.

mod copies;
mod every_operation;
mod found;
mod ledger;
mod machine;
mod story;
#[cfg(all(oneworker_test, debug_assertions))]
mod teeth;

use story::Story;

/// A word that the text of this observation has, and no other.
fn word(key: &str) -> String {
    format!("word{key}end")
}

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_and_nothing_is_doubled_in_any_story() {
    let (first, stories) = (number("DISK_SEED", 0), number("DISK_STORIES", 200));
    let mut failures = 0;
    for seed in first..first + stories {
        match Story::new(seed, true).tell().await {
            Ok(told) => failures += told,
            Err(broken) => panic!("{broken}"),
        }
    }
    println!("{stories} stories, {failures} power failures");
    assert!(failures >= stories);
}

#[tokio::test]
async fn a_story_is_told_the_same_way_each_time() {
    for seed in 0..20 {
        let (mut once, mut again) = (Story::new(seed, true), Story::new(seed, true));
        assert_eq!(once.tell().await, again.tell().await);
        assert_eq!(once.log, again.log, "story {seed}");
    }
}
