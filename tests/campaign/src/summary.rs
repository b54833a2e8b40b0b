//! What a campaign came to: one table, printed however it ends.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::plan::Plan;
use crate::round::Outcome;

/// The sum of a campaign's rounds.
#[derive(Default)]
pub struct Summary {
    rounds: u64,
    sessions: usize,
    tenures: usize,
    answers: BTreeMap<String, usize>,
    faults: BTreeMap<String, usize>,
    violations: BTreeMap<&'static str, usize>,
    worst_overshoot_ms: u64,
    worst_stall_ms: u64,
    took: Duration,
}

impl Summary {
    /// Adds a round that was judged.
    pub fn add(&mut self, plan: &Plan, outcome: &Outcome, took: Duration) {
        self.rounds += 1;
        // And the last one, which every round has.
        self.sessions += plan.sessions.len() + 1;
        self.tenures += outcome.verdict.tenures;
        for (word, count) in &outcome.verdict.answers {
            *self.answers.entry(word.clone()).or_default() += count;
        }
        for (kind, count) in &outcome.faults {
            *self.faults.entry(kind.clone()).or_default() += count;
        }
        for violation in &outcome.verdict.violations {
            *self.violations.entry(violation.kind).or_default() += 1;
        }
        self.worst_overshoot_ms = self.worst_overshoot_ms.max(outcome.verdict.worst_overshoot_ms);
        self.worst_stall_ms = self.worst_stall_ms.max(outcome.stall_ms);
        self.took += took;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |what: &str, value: &dyn fmt::Display| writeln!(f, "| {what:<44} | {value:>10} |");
        row("summary", &"")?;
        row(&"-".repeat(44), &"-".repeat(10))?;
        row("seconds", &self.took.as_secs())?;
        row("rounds", &self.rounds)?;
        row("sessions", &self.sessions)?;
        row("tenures", &self.tenures)?;
        for (title, counts) in [("faults", &self.faults), ("answers", &self.answers)] {
            row(title, &counts.values().sum::<usize>())?;
            for (word, count) in counts {
                row(&format!("  {word}"), count)?;
            }
        }
        row("worst overshoot of a deadline, ms", &self.worst_overshoot_ms)?;
        row("worst stall of the machine, ms", &self.worst_stall_ms)?;
        row("violations", &self.violations.values().sum::<usize>())?;
        for (kind, count) in &self.violations {
            row(&format!("  {kind}"), count)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::{Verdict, Violation};

    #[test]
    fn a_summary_counts_what_was_done_and_what_was_found() {
        let plan = Plan::draw(7, 10, false);
        let mut summary = Summary::default();
        for _ in 0..2 {
            let violation = Violation { kind: "two in office", what: String::new(), at: 0 };
            let verdict = Verdict { violations: vec![violation], tenures: 3, ..Verdict::default() };
            let faults = [("kill_worker".to_owned(), 2), ("failpoint stop".to_owned(), 1)].into();
            let outcome = Outcome { verdict, faults, stall_ms: 4 };
            summary.add(&plan, &outcome, Duration::from_secs(5));
        }
        let text = summary.to_string();
        let cell = |title: &str| {
            let row =
                text.lines().find(|line| line.split('|').nth(1).is_some_and(|cell| cell.trim() == title));
            row.and_then(|row| row.split('|').nth(2)).map(|cell| cell.trim().to_owned())
        };
        let expected = [
            ("seconds", 10),
            ("rounds", 2),
            ("sessions", 2 * (plan.sessions.len() + 1)),
            ("tenures", 6),
            ("faults", 6),
            ("kill_worker", 4),
            ("failpoint stop", 2),
            ("violations", 2),
            ("two in office", 2),
        ];
        for (title, count) in expected {
            assert_eq!(cell(title), Some(count.to_string()), "{title}\n{text}");
        }
    }
}
