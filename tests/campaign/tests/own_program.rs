//! Somebody else's program under the campaign: the example, by its description.

// All of this is test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::{Command, Output};

const CAMPAIGN: &str = env!("CARGO_BIN_EXE_oneworker-campaign");
const DESCRIPTION: &str = include_str!("../examples/own_worker.toml");
const BUILT: &str = "../../../target/x86_64-unknown-linux-gnu/campaign/own-worker";
const SEED: u64 = 11;

/// A few rounds of the example, with a description that was changed.
fn rounds(rounds: u64, change: impl FnOnce(String) -> String) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let description = dir.path().join("own_worker.toml");
    assert!(DESCRIPTION.contains(BUILT));
    std::fs::write(&description, change(DESCRIPTION.replace(BUILT, env!("CARGO_BIN_EXE_own-worker"))))
        .unwrap();
    Command::new(CAMPAIGN)
        .args(["chaos", "--sessions-max", "30", "--seed", &SEED.to_string(), "--rounds", &rounds.to_string()])
        .arg("--program")
        .arg(&description)
        .env("TMPDIR", dir.path())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let [out, err] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    format!("seed {SEED}: {}\n{out}\n{err}", output.status)
}

#[test]
fn a_program_that_links_the_library_goes_through_a_campaign_by_its_description() {
    let output = rounds(8, |description| description);
    assert!(output.status.success(), "{}", text(&output));
    println!("{}", text(&output));
}

#[test]
fn a_program_whose_answers_are_not_where_its_description_says_fails() {
    let output = rounds(1, |description| description + "\n[answer]\nepoch = \"/tenure\"\n");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("no answer: call"), "{text}");
}

#[test]
fn a_description_without_what_the_campaign_needs_is_refused() {
    let output = rounds(1, |description| description.replace("{hang_limit}", "500"));
    let text = text(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("ensure needs {hang_limit}"), "{text}");
}
