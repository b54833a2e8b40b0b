//! Why a tenure ends, and the one place where that is decided. The first reason counts, and wakes
//! all tasks that wait for it.

use std::fmt;
use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;

/// Why a worker stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// A signal, or a console event on Windows.
    Signal(&'static str),
    /// A client with the bearer token asked for it.
    Asked {
        /// The given reason: printable, at most 200 characters.
        why: String,
    },
    /// It was not needed for a long time.
    Idle {
        /// The limit.
        idle: Duration,
    },
    /// A child of its plan has ended for good.
    Part {
        /// Which child, and how.
        why: String,
    },
    /// It has handed over.
    HandedOver {
        /// To this process.
        to: u32,
    },
    /// It no longer holds the tenure.
    Superseded {
        /// What it saw.
        why: String,
    },
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(name) => f.write_str(name),
            Self::Asked { why } if why.is_empty() => f.write_str("asked to stop"),
            Self::Asked { why } => write!(f, "asked to stop: {why}"),
            Self::Idle { idle } => write!(f, "nobody needed it for {idle:?}"),
            Self::Part { why } => f.write_str(why),
            Self::HandedOver { to } => write!(f, "handed over to pid {to}"),
            Self::Superseded { why } => write!(f, "superseded: {why}"),
        }
    }
}

impl StopReason {
    /// Makes the reason of a request. It is logged, so it may neither forge lines of the log nor
    /// fill it.
    pub(crate) fn asked(why: &str) -> Self {
        let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
        Self::Asked { why: why.trim().to_owned() }
    }
}

/// The decision to stop. Clones share it: any of them may take it, and all must follow it.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    reason: watch::Sender<Option<StopReason>>,
    hurry: watch::Sender<bool>,
}

impl Stop {
    pub(crate) fn new() -> Self {
        Self { reason: watch::Sender::new(None), hurry: watch::Sender::new(false) }
    }

    /// Decides to stop. A later reason changes nothing.
    pub(crate) fn begin(&self, reason: StopReason) {
        self.reason.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(reason);
            }
            first
        });
    }

    /// Decides to stop. If that is decided already, decides to wait for nothing any more.
    pub(crate) fn begin_or_hurry(&self, reason: StopReason) {
        if self.has_begun() {
            self.hurry.send_replace(true);
        } else {
            self.begin(reason);
        }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.reason.borrow().is_some()
    }

    /// Waits for the decision.
    pub(crate) async fn begun(&self) -> StopReason {
        let mut reason = self.reason.subscribe();
        // The guard that `wait_for` gives must not live across an await. The channel can't close:
        // `self` holds a sender.
        let decided = reason.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        match decided {
            Some(reason) => reason,
            None => pending().await,
        }
    }

    /// Waits for the decision to wait for nothing any more.
    pub(crate) async fn hurried(&self) {
        let mut hurry = self.hurry.subscribe();
        if hurry.wait_for(|hurry| *hurry).await.is_err() {
            pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_counts_and_a_second_signal_hurries() {
        let stop = Stop::new();
        assert!(!stop.has_begun());
        stop.begin_or_hurry(StopReason::Signal("SIGTERM"));
        stop.begin(StopReason::asked("too late"));
        assert_eq!(stop.begun().await, StopReason::Signal("SIGTERM"));
        assert!(!*stop.hurry.borrow());
        stop.begin_or_hurry(StopReason::Signal("SIGINT"));
        stop.hurried().await;
        assert_eq!(stop.begun().await, StopReason::Signal("SIGTERM"));
    }

    #[test]
    fn a_reason_from_outside_cannot_forge_lines_of_the_log() {
        let reason = StopReason::asked("upgrade\n2026-01-01 ERROR all is lost\u{1b}[2J");
        assert_eq!(reason.to_string(), "asked to stop: upgrade2026-01-01 ERROR all is lost[2J");
        let StopReason::Asked { why } = StopReason::asked(&"x".repeat(10_000)) else { unreachable!() };
        assert_eq!(why.len(), 200);
    }
}
