//! The harness shows its teeth: take a protection away, and a story notices.

use oneworker_sabotage::{Sabotage, switch_on};

use super::story::Story;

/// As many as are told by default.
const STORIES: u64 = 200;

async fn first_broken(synced: bool) -> Option<String> {
    for seed in 0..STORIES {
        if let Err(broken) = Story::new(seed, synced).tell().await {
            let what = broken.lines().next().unwrap_or_default().to_owned();
            println!("story {seed}: {what}");
            return Some(what);
        }
    }
    None
}

#[tokio::test]
async fn commits_that_are_not_synced_are_noticed_to_be_lost() {
    let broken = first_broken(false).await.unwrap();
    assert!(broken.starts_with("lost:") || broken.starts_with("came back:"), "{broken}");
}

#[tokio::test]
async fn an_answer_before_the_commit_is_noticed() {
    let _hasty = switch_on(Sabotage::AnsweredBeforeCommit);
    let broken = first_broken(true).await.unwrap();
    assert!(broken.starts_with("lost:") || broken.starts_with("came back:"), "{broken}");
}
