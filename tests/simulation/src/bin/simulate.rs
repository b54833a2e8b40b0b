//! Tells many stories, or one again, or searches through every schedule of a small one.
#![allow(clippy::print_stdout, reason = "this is a program for people")]

use std::fmt::Display;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use oneworker_simulation::scenario::{self, Tally};
use oneworker_simulation::search::{self, Bounds};

/// Runs oneworker's protocol on a simulated machine.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell many random stories; the first that breaks a guarantee is shrunk and printed.
    Stories {
        /// The number of the first.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// How many.
        #[arg(long, default_value_t = 10_000, conflicts_with = "minutes")]
        stories: u64,
        /// For how long, instead.
        #[arg(long)]
        minutes: Option<f64>,
    },
    /// Tell the story of a number again, with its trace if it breaks a guarantee.
    Replay {
        /// Its number.
        #[arg(long)]
        seed: u64,
    },
    /// Go through every schedule of sessions that start at once.
    Search {
        /// How many sessions.
        #[arg(long, default_value_t = 2)]
        sessions: u32,
        /// How many processes are killed, each at any point.
        #[arg(long, default_value_t = 1)]
        kills: u32,
        /// How often time passes although somebody could go on.
        #[arg(long, default_value_t = 0)]
        waits: u32,
        /// How often somebody else goes on although whoever went on last could; without a limit if not given.
        #[arg(long)]
        preemptions: Option<u32>,
        /// Let the worker's answers cross each other, instead of giving one after the other.
        #[arg(long)]
        crossing: bool,
        /// Leave nothing out, not even what makes no difference.
        #[arg(long)]
        every_step: bool,
        /// Let each session be of a newer version than the one before, and have an older worker hand over.
        #[arg(long)]
        upgrades: bool,
        /// Give up after so many schedules.
        #[arg(long)]
        most: Option<u64>,
    },
}

fn main() -> ExitCode {
    let begun = Instant::now();
    match Arguments::parse().command {
        Command::Stories { seed, stories, minutes } => {
            let until = minutes.map(|minutes| Duration::from_secs_f64(minutes.max(0.0) * 60.0));
            let more = |told: u64| until.map_or(told < stories, |until| begun.elapsed() < until);
            let mut all = Tally::default();
            let mut told = 0;
            while more(told) {
                match scenario::check(seed.wrapping_add(told)) {
                    Ok(tally) => all += tally,
                    Err(found) => return refused(&found),
                }
                told += 1;
            }
            let Tally { sessions, served, launches, steps } = all;
            let seconds = begun.elapsed().as_secs_f64();
            let rate = sessions as f64 / seconds;
            println!(
                "{told} stories from {seed}: {sessions} sessions ({served} got a worker), {launches} launches, {steps} steps in {seconds:.1} s: \
                 {rate:.0} sessions a second"
            );
        }
        Command::Replay { seed } => match scenario::check(seed) {
            Ok(tally) => println!("no guarantee breaks: {tally:?}"),
            Err(found) => return refused(&found),
        },
        Command::Search { sessions, kills, waits, preemptions, crossing, every_step, upgrades, most } => {
            let reduced = !every_step;
            let bounds = Bounds { sessions, kills, waits, preemptions, crossing, reduced, upgrades, most };
            match search::search(bounds) {
                Ok(covered) => println!("{covered:?} in {:.1} s", begun.elapsed().as_secs_f64()),
                Err(broken) => {
                    println!("BROKEN: {}", broken.what);
                    broken.trace.iter().for_each(|line| println!("{line}"));
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    ExitCode::SUCCESS
}

fn refused(found: &dyn Display) -> ExitCode {
    println!("{found}");
    ExitCode::FAILURE
}
