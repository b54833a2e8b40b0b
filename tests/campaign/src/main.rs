//! `oneworker-campaign chaos`; and, under the file name `oneworker`, the product itself with failpoints and sabotages.

// All of this package is test code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use oneworker_campaign::{bystander, campaign, sweeper, violation};

/// Random sessions and random faults on real processes, judged by their history.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs rounds until the time is up; exits with 1 at the first violation.
    Chaos(campaign::Options),
    /// Judges a round again that was kept; exits with 1 at a violation.
    Judge {
        /// Its directory.
        kept: PathBuf,
        /// How long the machine stalled in it.
        #[arg(long, default_value_t = 0)]
        stall_ms: u64,
    },
    /// A process that nobody may touch.
    #[command(hide = true)]
    Bystander(bystander::Bystanding),
    /// Ends what a campaign leaves behind, once that is gone.
    #[command(hide = true)]
    Sweep {
        /// The campaign's directory.
        dir: PathBuf,
    },
}

fn main() -> ExitCode {
    oneworker_tests::failpoints::install();
    let called = std::env::args_os().next().unwrap_or_default();
    if Path::new(&called).file_name().is_some_and(|name| name == "oneworker") {
        oneworker_tests::sabotages::install();
        return oneworker::main();
    }
    match Arguments::parse().command {
        Command::Chaos(options) => campaign::run(&options),
        Command::Judge { kept, stall_ms } => violation::judge(&kept, stall_ms),
        Command::Bystander(bystanding) => bystander::run(&bystanding),
        Command::Sweep { dir } => sweeper::run(&dir),
    }
}
