//! What comes next in a call: each step returns one of these, with what the next step needs.

use std::time::Duration;

use super::budget::{GrowingPause, HOLDER_PROBE};
use super::context::{Context, Phase};
use super::suspicion::Silence;
use super::worker::{ReplaceReason, Worker};
use crate::machine::{ElectionGuard, Moment, ProcessIdentity, ProcessInfo};
use crate::proof::Health;
use crate::record::LaunchNote;
use crate::upgrade::Ledger;

/// The proof that this session is elected. What only an elected session may do takes it. Dropping
/// it ends the election.
pub(super) type Elected = Box<dyn ElectionGuard>;

/// What comes next. `mod.rs` has the picture.
pub(super) enum Next {
    /// The call is over.
    Done(Worker),
    /// Probe the worker before anything else.
    Probe,
    /// Wait for a worker, since this session may not start one.
    Find,
    /// Get elected, or find that another session's worker is there.
    Elect,
    /// Find out about the tenure lock and its holder.
    Diagnose(Elected, Inquiry),
    /// End a hung worker.
    Replace(Elected, Hung),
    /// Have the running worker hand over to this session's version.
    HandOver(Elected, Box<Health>),
    /// Tell a worker to stop that can't hand over, or that no successor knows how to ask.
    Retire(Elected, Retirement),
    /// Launch a worker. The worker before it was replaced for this reason, if there was one.
    Launch(Elected, Option<ReplaceReason>),
    /// Wait for a worker that another session launched.
    Await(Elected, Claim),
}

/// A diagnosis, and what it keeps from one inspection of the holder to the next.
pub(super) struct Inquiry {
    pub(super) origin: Origin,
    /// How long the next probe may take.
    pub(super) patience: Duration,
    /// How long to pause after a probe that took no time.
    pub(super) pause: GrowingPause,
    /// Why the worker before is gone, if this call ended it.
    pub(super) replaced: Option<ReplaceReason>,
    /// Since when the lock seems leaked.
    pub(super) leaked_since: Option<Moment>,
}

/// What led to a diagnosis.
pub(super) enum Origin {
    /// The session was elected.
    Election,
    /// A launch of another session claimed the tenure lock. This session was about to launch a
    /// worker itself, in place of one that it had ended for this reason.
    Claim(Option<ReplaceReason>),
}

impl Inquiry {
    /// Begins a diagnosis.
    pub(super) fn begin(cx: &Context<'_>, origin: Origin) -> Self {
        cx.enter(Phase::Inspecting);
        Self {
            origin,
            patience: HOLDER_PROBE,
            pause: GrowingPause::HOLDER,
            replaced: None,
            leaked_since: None,
        }
    }
}

/// A worker that hangs, and the diagnosis to go on with after it was ended.
pub(super) struct Hung {
    pub(super) holder: ProcessInfo,
    pub(super) silence: Silence,
    pub(super) inquiry: Inquiry,
}

/// A worker that is told to stop, and the ledger of the hand-over that was tried before.
pub(super) struct Retirement {
    pub(super) health: Box<Health>,
    pub(super) ledger: Ledger,
}

/// A launch of another session that has not come to an end.
pub(super) struct Claim {
    pub(super) process: ProcessIdentity,
    pub(super) note: LaunchNote,
    /// Why this session was about to launch a worker, if it ended one before.
    pub(super) replaced: Option<ReplaceReason>,
}
