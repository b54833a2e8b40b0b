//! What is left of a round with a violation: its directory, kept, which can be judged again, and a report with the history around it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::checker::{self, Violation, slack_ms};
use crate::history;
use crate::plan::Plan;
use crate::round::Outcome;
use crate::site::HISTORY;

/// What of the history is printed around a violation: this long before and after it.
const AROUND: u64 = 2_000_000_000;
const MOST_LINES: usize = 200;
/// The plan's file in a kept round.
const PLAN: &str = "plan.json";

/// Copies a round's directory to where it outlives the campaign, with its plan.
pub(crate) fn keep(place: &Path, at: Option<&Path>, plan: &Plan) -> PathBuf {
    let parent = at.map_or_else(std::env::temp_dir, Path::to_path_buf);
    let kept = parent.join(format!("oneworker-chaos-{}", plan.seed));
    let _ = std::fs::create_dir_all(&parent);
    // Without the copies of the program. A copy, since the place may be on a file system of its own.
    for install in ["marketplace", "cache"] {
        let _ = std::fs::remove_dir_all(place.join(install));
    }
    let copied = Command::new("cp").arg("-aT").arg(place).arg(&kept).status();
    if !copied.is_ok_and(|status| status.success()) {
        println!("  {} could not be copied to {}", place.display(), kept.display());
    }
    let plan = serde_json::to_string_pretty(plan).expect("a plan is JSON");
    let _ = std::fs::write(kept.join(PLAN), plan);
    kept
}

/// Judges a kept round again. Ends with 1 at a violation, and with 2 if there is nothing to judge.
pub fn judge(kept: &Path, stall_ms: u64) -> ExitCode {
    let read = || {
        let history = kept.join(HISTORY);
        let events = history::read(&history).map_err(|error| format!("{}: {error}", history.display()))?;
        Ok::<_, String>((Plan::read(&kept.join(PLAN))?, events))
    };
    let (plan, events) = match read() {
        Ok(read) => read,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let verdict = checker::check(&plan, &events, stall_ms);
    println!("{} tenures, {} violations", verdict.tenures, verdict.violations.len());
    list(&verdict.violations);
    if verdict.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn list(violations: &[Violation]) {
    for violation in violations {
        println!("  at {}: {violation}", violation.at);
    }
}

/// Prints what a person needs to find the cause, and to see it again.
pub(crate) fn report(plan: &Plan, outcome: &Outcome, kept: &Path) {
    println!("\nVIOLATION in the round with seed {}", plan.seed);
    println!("again: chaos --rounds 1 --plan {}", kept.join(PLAN).display());
    println!("   or: chaos --rounds 1 --seed {} (with the same --sessions-max and --program)", plan.seed);
    println!("plan: {}", serde_json::to_string(plan).expect("a plan is JSON"));
    println!("stalled: {} ms, so the slack is {} ms", outcome.stall_ms, slack_ms(plan, outcome.stall_ms));
    list(&outcome.verdict.violations);
    let Some(first) = outcome.verdict.violations.iter().map(|violation| violation.at).min() else { return };
    println!("the history around the first:");
    let text = std::fs::read_to_string(kept.join(HISTORY)).unwrap_or_default();
    let near: Vec<_> = text
        .lines()
        .filter(|line| {
            let event: Option<serde_json::Value> = serde_json::from_str(line).ok();
            let at = event.and_then(|event| event["at"].as_u64()).unwrap_or_default();
            at.abs_diff(first) <= AROUND
        })
        .collect();
    let skipped = near.len().saturating_sub(MOST_LINES);
    if skipped > 0 {
        println!("  ({skipped} earlier lines are in the file)");
    }
    near[skipped..].iter().for_each(|line| println!("  {line}"));
}
