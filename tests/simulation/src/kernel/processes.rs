//! Processes: pids that are reused, start times, stops, deaths, and who is left when a parent dies.

use std::task::Waker;
use std::time::Duration;

use coordinator::EnsureRequest;
use coordinator::machine::{Activity, Ending, Pid};

use super::locks::OpenFile;

/// A process of the simulation, for ever: unlike its pid it is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub(crate) u32);

/// What a process is in the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// The session of this number.
    Session(u32),
    /// The worker launched as this number.
    Worker(u32),
    /// Somebody else's process that squats on a port, was given a dead worker's pid, or holds a copied descriptor.
    Stranger,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Session(n) => write!(f, "session {n}"),
            Self::Worker(n) => write!(f, "worker {n}"),
            Self::Stranger => f.write_str("stranger"),
        }
    }
}

/// The longest that one probe of a silent worker takes, in nanoseconds.
pub(crate) const LONGEST_WATCH: u64 = 1_500_000_000;

/// Whether a process gets to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pace {
    Running,
    /// Got no CPU until then: a loaded machine.
    Starved(u64),
    /// SIGSTOP.
    Stopped,
    /// Halted by a debugger.
    Traced,
    /// Alive, and going nowhere: a dead lock, or an endless loop if it uses the CPU.
    Wedged {
        spinning: bool,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) start: u64,
    pub(crate) role: Role,
    pub(crate) request: Option<EnsureRequest>,
    pub(crate) pace: Pace,
    /// Since when it does not run, if it does not.
    pub(crate) idle_since: Option<u64>,
    /// How long it did not run since it last proved itself, up to `idle_since`.
    pub(crate) idle: Duration,
    /// The part of it in which it did not even look busy.
    pub(crate) quiet: Duration,
    /// When it last proved itself, and the two up to then.
    pub(crate) before: (u64, Duration, Duration),
    /// When it last began to run.
    pub(crate) resumed: u64,
    pub(crate) cpu: u64,
    pub(crate) starved: u64,
    /// How it ended; its pid is free unless it is a zombie.
    pub(crate) ended: Option<Ending>,
    pub(crate) zombie: bool,
    pub(crate) terminated: bool,
    pub(crate) descriptors: Vec<OpenFile>,
    /// The calls it has made: names every await point.
    pub(crate) calls: u32,
    /// The numbers it has drawn: inodes, random bytes.
    pub(crate) drawn: u64,
    /// A digest of all the calls by which its tasks changed something, in their order.
    pub(crate) changes: u64,
    /// The number of the readiness channel that it writes to.
    pub(crate) channel: Option<usize>,
    /// Time has passed while it waited for an answer.
    pub(crate) kept_waiting: bool,
    /// Its tasks that wait for a signal, and those that wait for a question.
    pub(crate) await_signal: Vec<Waker>,
    pub(crate) await_question: Vec<Waker>,
}

impl Process {
    pub(crate) fn alive(&self) -> bool {
        self.ended.is_none()
    }

    pub(crate) fn activity(&self) -> Activity {
        match self.pace {
            _ if self.ended.is_some() => Activity::Zombie,
            Pace::Running | Pace::Starved(_) | Pace::Wedged { .. } => Activity::Alive,
            Pace::Stopped => Activity::Stopped,
            Pace::Traced => Activity::Traced,
        }
    }

    /// Changes the pace, and keeps the books of the time it did not run.
    pub(crate) fn set_pace(&mut self, pace: Pace, now: u64) {
        self.settle(now);
        self.pace = pace;
        match pace {
            Pace::Running => self.resumed = now,
            _ => self.idle_since = Some(now),
        }
    }

    /// Nobody gets the CPU until `now + pause`. Of such a time, a watch that is under way counts no more than its own length: the rest is none
    /// in which anybody was seen silent. False if it did not run anyway.
    pub(crate) fn hold(&mut self, now: u64, pause: u64) -> bool {
        let runs = self.pace == Pace::Running;
        if runs {
            // That it waits for the CPU is to be seen, and makes it busy.
            self.set_pace(Pace::Starved(now + pause), now);
        } else {
            // What was seen already stays seen.
            self.settle(now);
            self.idle_since = Some(now + pause.saturating_sub(LONGEST_WATCH));
        }
        runs
    }

    /// The load is over before its time.
    pub(crate) fn relieve(&mut self, now: u64) {
        self.idle_since = self.idle_since.map(|since| since.min(now));
    }

    /// Somebody knows that it is well. An answer to who has gone tells nobody: it may have been halted after it was made, and before it was sent.
    pub(crate) fn heard(&mut self, now: u64) {
        self.before = (now, self.idle, self.quiet);
        (self.idle, self.quiet) = (Duration::ZERO, Duration::ZERO);
    }

    fn settle(&mut self, now: u64) {
        if let Some(since) = self.idle_since.take() {
            let idle = now.saturating_sub(since);
            self.idle += Duration::from_nanos(idle);
            match self.pace {
                Pace::Starved(_) => self.starved += idle,
                Pace::Wedged { spinning: true } => self.cpu += idle,
                _ => self.quiet += Duration::from_nanos(idle),
            }
        }
    }

    /// The books as they are now.
    pub(crate) fn settled(&self, now: u64) -> Self {
        let mut settled = self.clone();
        settled.settle(now);
        settled
    }
}
