//! A short campaign. `CHAOS_SEED` and `CHAOS_SECONDS` change which, and for how long.

// All of this is test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::Command;

use oneworker_tests::processes_of;

const CAMPAIGN: &str = env!("CARGO_BIN_EXE_oneworker-campaign");

#[test]
fn a_short_campaign_finds_nothing_and_leaves_nothing_behind() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let (seed, seconds) = (number("CHAOS_SEED", 20_261), number("CHAOS_SECONDS", 40));
    let output = Command::new(CAMPAIGN)
        .args(["chaos", "--sessions-max", "60", "--seed", &seed.to_string()])
        .args(["--minutes", &(seconds as f64 / 60.0).to_string()])
        .output()
        .expect("the campaign");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "CHAOS_SEED={seed}: {}\n{text}\n{errors}", output.status);
    println!("{text}");
}

#[test]
fn an_interrupted_campaign_ends_with_its_summary() {
    use rustix::process::{Pid, Signal, kill_process};
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let dir = tempfile::tempdir().unwrap();
        let campaign = Command::new(CAMPAIGN)
            .args(["chaos", "--seed", "5", "--sessions-max", "8", "--minutes", "10"])
            .env("TMPDIR", dir.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("the campaign");
        oneworker_tests::wait_for("a process of the program", || {
            processes_of(dir.path())
                .iter()
                .any(|(_, args)| args.iter().any(|arg| arg == "ensure"))
                .then_some(())
        });
        kill_process(Pid::from_child(&campaign), signal).unwrap();
        let output = campaign.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(128 + signal.as_raw()), "{text}");
        assert!(text.contains("| rounds  ") && text.contains("| violations  "), "{text}");
        assert_eq!(processes_of(dir.path()), [], "{text}");
    }
}

#[test]
fn a_campaign_that_is_killed_leaves_no_process_behind() {
    use std::io::{BufRead, BufReader};
    let mut campaign = Command::new(CAMPAIGN)
        .args(["chaos", "--seed", "5", "--sessions-max", "8", "--minutes", "10"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the campaign");
    let mut line = String::new();
    // Kept open: a campaign that can't print ends by itself.
    let mut output = BufReader::new(campaign.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let place = line.trim().rsplit(' ').next().unwrap().to_owned();
    oneworker_tests::wait_for("a process of the product", || {
        processes_of(&Path::new(&place).join("round-0/disk")).first().map(drop)
    });
    campaign.kill().unwrap();
    campaign.wait().unwrap();
    oneworker_tests::wait_for("the sweeper to leave nothing", || {
        (processes_of(Path::new(&place)).is_empty() && !Path::new(&place).exists()).then_some(())
    });
}
