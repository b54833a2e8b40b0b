//! Rounds until the time is up, a violation is found, or somebody interrupts.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use oneworker_tests::is_root;

use crate::history::now;
use crate::interrupt::{no_more_starts, on_interrupt};
use crate::plan::Plan;
use crate::program::Program;
use crate::rng::{Rng, round_seed};
use crate::round;
use crate::summary::Summary;
use crate::sweeper::{Sweeper, sweep};
use crate::violation::{keep, report};

/// How long a campaign runs, and on what.
#[derive(Args, Debug)]
pub struct Options {
    /// For how long rounds are begun.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// How many rounds there are; without it, as many as there is time for.
    #[arg(long)]
    rounds: Option<u64>,
    /// The seed of the first round, and of the seeds of all others; drawn if it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// The most sessions of a round.
    #[arg(long, default_value_t = 500)]
    sessions_max: u64,
    /// A plan (`plan.json` of a kept round) that every round carries out, rather than one that is drawn.
    #[arg(long, conflicts_with_all = ["seed", "sessions_max"])]
    plan: Option<PathBuf>,
    /// The description of the program that is put to the test; without it, `oneworker`.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Where the directories of rounds are kept, all of them; without it, only that of a violation.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// Runs a campaign. Ends with 1 at the first round with a violation, and with 2 if there is nothing to run.
pub fn run(options: &Options) -> ExitCode {
    let given = options.program.as_deref().map(Program::described_in).transpose().and_then(|program| {
        Ok((program.unwrap_or_else(Program::oneworker), options.plan.as_deref().map(Plan::read).transpose()?))
    });
    let (program, given_plan) = match given {
        Ok(given) => given,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let seed = options.seed.unwrap_or_else(|| Rng::new(now()).draw());
    let root = tempfile::Builder::new().prefix("chaos-").tempdir().expect("a temporary directory");
    println!("seed {seed}, in {}", root.path().display());
    let sweeper = Arc::new(Mutex::new(Some(Sweeper::start(root.path()))));
    let summary = Arc::new(Mutex::new(Summary::default()));
    end_in_order_when_interrupted(&summary, &sweeper);

    let end = Instant::now() + Duration::from_secs_f64(options.minutes * 60.0);
    let mut status = ExitCode::SUCCESS;
    for number in 0..options.rounds.unwrap_or(u64::MAX) {
        if options.rounds.is_none() && Instant::now() >= end {
            break;
        }
        let drawn = || Plan::draw(round_seed(seed, number), options.sessions_max, is_root());
        let mut plan = given_plan.clone().unwrap_or_else(drawn);
        program.fit(&mut plan);
        let kinds: Vec<_> = plan.faults.iter().map(|timed| timed.fault.kind()).collect();
        println!("round {number}: seed {}, {} sessions, {}", plan.seed, plan.sessions.len(), kinds.join(" "));
        let place = root.path().join(format!("round-{number}"));
        let begun = Instant::now();
        let outcome = round::run(&program, &plan, place.clone());
        let took = begun.elapsed();
        println!("  {} tenures in {took:.1?}, stalled {} ms", outcome.verdict.tenures, outcome.stall_ms);
        lock(&summary).add(&plan, &outcome, took);
        let violated = !outcome.verdict.violations.is_empty();
        if violated || options.keep.is_some() {
            // Nothing of it may move any more while it is copied.
            sweep(&place);
            let kept = keep(&place, options.keep.as_deref(), &plan);
            if violated {
                report(&plan, &outcome, &kept);
                status = ExitCode::FAILURE;
                break;
            }
        }
        let _ = std::fs::remove_dir_all(&place);
    }
    // Whoever interrupts from here on waits, and finds the process gone.
    let summary = lock(&summary);
    println!("\nseed {seed}\n{summary}");
    lock(&sweeper).take();
    status
}

/// A round that is under way is not judged and not counted; all others are.
fn end_in_order_when_interrupted(summary: &Arc<Mutex<Summary>>, sweeper: &Arc<Mutex<Option<Sweeper>>>) {
    let (summary, sweeper) = (Arc::clone(summary), Arc::clone(sweeper));
    on_interrupt(move |signal| {
        let summary = lock(&summary);
        println!("\ninterrupted by signal {signal}; the round that was under way does not count\n{summary}");
        no_more_starts();
        lock(&sweeper).take();
        std::process::exit(128 + signal);
    });
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
