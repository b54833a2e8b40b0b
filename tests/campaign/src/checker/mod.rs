//! Judges a history. A pure function: nothing here looks at the machine.
//!
//! A violation is reported only where it is certain. A tenure that ended without a note (the worker was killed) counts, as far as overlaps go,
//! up to the last sign of life, and, as far as answers go, up to the moment at which the death was seen.

mod answers;
mod codes;
mod launches;
mod tenures;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::history::{Answer, DirId, Event, Seen};
use crate::plan::{Fault, Plan};

pub use tenures::Tenure;

/// What must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise was broken.
    pub kind: &'static str,
    /// How.
    pub what: String,
    /// When, for finding the place in the history.
    pub at: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.what)
    }
}

/// A command that ended.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its number.
    pub number: usize,
    /// Which command.
    pub command: String,
    /// When it was about to be started.
    pub begun: u64,
    /// When it had ended.
    pub ended: u64,
    /// Its process.
    pub pid: u32,
    /// Its deadline.
    pub deadline_ms: u64,
    /// Its failpoint.
    pub failpoint: Option<String>,
    /// How it ended.
    pub answer: Answer,
}

/// A fault that was done.
#[derive(Clone, Debug)]
pub struct Harm {
    /// What.
    pub fault: Fault,
    /// When it began.
    pub from: u64,
    /// When it was done.
    pub to: u64,
    /// The directory that it took away.
    pub gone: Option<DirId>,
}

/// A history, in order.
#[derive(Debug, Default)]
pub struct Round {
    /// Who was in office, by beginning.
    pub tenures: Vec<Tenure>,
    /// The calls that ended.
    pub calls: Vec<Call>,
    /// The faults.
    pub harms: Vec<Harm>,
    /// When each process came by `answer`.
    pub proofs: HashMap<u32, Vec<u64>>,
    /// When each process came by `elect.won`.
    pub elections: HashMap<u32, Vec<u64>>,
    /// Which process was about to launch a worker, and when.
    pub launches: Vec<(u32, u64)>,
    /// Processes that a fault stopped, or that stopped themselves.
    pub stopped: Vec<u32>,
    /// Sessions that the campaign killed.
    pub killed: Vec<u32>,
}

/// What came of judging a round.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What must not be.
    pub violations: Vec<Violation>,
    /// By how much the worst call outlasted its deadline, in milliseconds.
    pub worst_overshoot_ms: u64,
    /// How many tenures there were.
    pub tenures: usize,
    /// How often each outcome or code was answered.
    pub answers: BTreeMap<String, usize>,
}

/// How much longer than its deadline a call may take: two seconds, what the machine was seen to stall, tenfold, and a share of the
/// processor for each of the round's processes.
pub fn slack_ms(plan: &Plan, stall_ms: u64) -> u64 {
    2000 + 10 * stall_ms + 25 * plan.sessions.len() as u64
}

/// Judges a round's history. `stall_ms` is how long the machine was seen to stall.
pub fn check(plan: &Plan, events: &[Event], stall_ms: u64) -> Verdict {
    let round = Round::of(events);
    let mut verdict = Verdict { tenures: round.tenures.len(), ..Verdict::default() };
    tenures::check(&round, &mut verdict.violations);
    answers::check(&round, &mut verdict.violations);
    launches::check(&round, &mut verdict.violations);
    codes::check(plan, &round, stall_ms, &mut verdict);
    for event in events {
        if let Event::Campaign(seen) = event {
            let (kind, what, at) = match seen {
                Seen::Signalled { pid, signal, from, at } => (
                    "a bystander was signalled",
                    format!("process {pid} got signal {signal} from process {from}"),
                    *at,
                ),
                Seen::Wrong { at, what } => ("the end", what.clone(), *at),
                _ => continue,
            };
            verdict.violations.push(Violation { kind, what, at });
        }
    }
    verdict
}

impl Round {
    /// Puts a history in order.
    pub fn of(events: &[Event]) -> Self {
        let mut round = Self { tenures: tenures::of(events), ..Self::default() };
        let mut begun = HashMap::new();
        let mut doing: Vec<(Fault, u64)> = Vec::new();
        for event in events {
            match event {
                Event::Note { point, pid, at, .. } => match point.as_str() {
                    "answer" => round.proofs.entry(*pid).or_default().push(*at),
                    "elect.won" => round.elections.entry(*pid).or_default().push(*at),
                    "launch.before" => round.launches.push((*pid, *at)),
                    _ => {}
                },
                Event::Campaign(Seen::Call { call, command, at, deadline_ms, failpoint }) => {
                    begun.insert(*call, (command, *at, *deadline_ms, failpoint));
                }
                Event::Campaign(Seen::Return { call, pid, at, answer }) => {
                    let Some((command, from, deadline_ms, failpoint)) = begun.get(call) else { continue };
                    round.calls.push(Call {
                        number: *call,
                        command: (*command).clone(),
                        begun: *from,
                        ended: *at,
                        pid: *pid,
                        deadline_ms: *deadline_ms,
                        failpoint: (*failpoint).clone(),
                        answer: answer.clone(),
                    });
                }
                Event::Campaign(Seen::Fault { at, fault, pids }) => {
                    doing.push((fault.clone(), *at));
                    if matches!(
                        fault,
                        Fault::PauseSession { .. } | Fault::PauseWorker { .. } | Fault::HangWorker
                    ) {
                        round.stopped.extend(pids);
                    }
                    if matches!(fault, Fault::KillSession | Fault::KillElected { .. }) {
                        round.killed.extend(pids);
                    }
                }
                Event::Campaign(Seen::Done { at, fault, done, gone }) => {
                    let from = doing.iter().position(|(one, _)| one == fault).map(|i| doing.swap_remove(i).1);
                    if *done {
                        let from = from.unwrap_or(*at);
                        round.harms.push(Harm { fault: fault.clone(), from, to: *at, gone: *gone });
                    }
                }
                Event::Campaign(_) => {}
            }
        }
        // What was begun and has no end may have been done all the same.
        round.harms.extend(doing.into_iter().map(|(fault, from)| Harm {
            fault,
            from,
            to: u64::MAX,
            gone: None,
        }));
        round.harms.sort_by_key(|harm| harm.from);
        round
    }

    /// The successful calls, with the worker and the epoch that they name.
    pub fn named(&self) -> impl Iterator<Item = (&Call, u32, u64)> {
        self.calls.iter().filter_map(|call| match &call.answer {
            Answer::Worker { worker, epoch, .. } => Some((call, *worker, *epoch)),
            _ => None,
        })
    }

    /// Whether a new line of epochs may have begun between the two moments: the directory was replaced, or both places that
    /// remember the last epoch were damaged.
    pub fn line_may_begin(&self, from: u64, to: u64) -> bool {
        let damaged = |harm: &Harm, name: &str| match &harm.fault {
            Fault::Delete { file } | Fault::Garble { file } | Fault::Truncate { file } => file == name,
            _ => false,
        };
        let before_end = |harm: &&Harm| harm.from <= to;
        let within = |harm: &&Harm| before_end(harm) && harm.to >= from;
        let replaced = |harm: &Harm| matches!(harm.fault, Fault::ReplaceDirectory { .. });
        let epoch = |harm: &&Harm| damaged(harm, "epoch");
        let record = |harm: &&Harm| damaged(harm, "worker.json");
        self.harms.iter().filter(within).any(replaced)
            // One of the two may have been damaged before, if nobody has healed it.
            || (self.harms.iter().filter(before_end).any(|harm| epoch(&harm))
                && self.harms.iter().filter(before_end).any(|harm| record(&harm))
                && self.harms.iter().filter(within).any(|harm| epoch(&harm) || record(&harm)))
    }
}
