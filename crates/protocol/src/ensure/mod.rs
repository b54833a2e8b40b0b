//! The session's side of the protocol: [`ensure_on`].
//!
//! A call is a loop over [`next::Next`]: each step is a function in a file of its own that returns
//! what comes next, and calls no other step. The table is the code; a test compares the two.
//!
//! | step | file | goes on with |
//! | --- | --- | --- |
//! | `Probe` | `fast_path` | `Done`, `Find`, `Elect` |
//! | `Find` | `find` | `Done` |
//! | `Elect` | `election` | `Diagnose`, `Done` |
//! | `Diagnose` | `diagnosis` | `Done`, `Elect`, `HandOver`, `Launch`, `Replace` |
//! | `Replace` | `replacement` | `Diagnose` |
//! | `HandOver` | `handover` | `Done`, `Elect`, `Retire` |
//! | `Retire` | `retirement` | `Elect`, `Launch` |
//! | `Launch` | `launch` | `Await`, `Done`, `Elect` |
//! | `Await` | `await_claim` | `Diagnose`, `Elect` |
//!
//! ```text
//! Probe ── proof ────────────────────────────────────▶ Done (reused)
//!   │  └── may not start a worker ──▶ Find ── proof ──▶ Done (waited)
//!   │ no proof
//!   ▼
//! Elect ── another session's worker proves itself ───▶ Done (waited)
//!   │ won (spawn.lock)
//!   ▼
//! Diagnose ── proof ─────────────────────────────────▶ Done (waited)
//!   │  │  ├── hung, and not any more ◀──▶ Replace
//!   │  │  └── another version wanted ──▶ HandOver ────▶ Done (replaced)
//!   │  │                                   │ does not know how
//!   │  │                                   ▼
//!   │  └── vacant ──▶ Launch ◀──────────── Retire
//!   │                   │  └── ready, proof ──────────▶ Done (started)
//!   │                   │ another launch is on its way
//!   │                   ▼
//!   └─── claimed ──── Await
//! ```
//!
//! Each step ends in an error if that is all there is to tell. Whatever changes while it works
//! leads back to `Elect`.
//!
//! What the steps share lies below them:
//!
//! | file | subject |
//! | --- | --- |
//! | `next` | what comes next, and what the next step needs |
//! | `context` | machine, identity, request, deadline and progress of one call |
//! | `budget` | how the deadline is divided, and how long each thing is waited for |
//! | `state` | all that is read from the state directory and written to it |
//! | `published` | record and proof key of the worker |
//! | `probe` | asking the worker for a proof |
//! | `holder` | inspecting the tenure lock and the process behind it |
//! | `suspicion` | hung or busy |
//! | `reuse` | taking a worker that runs already |
//! | `backoff` | the last launch, and how it holds back the next |
//! | `rollback` | which program is launched |
//! | `failure` | a launched worker that did not become ready |
//! | `successor` | launching the worker that takes over |
//! | `worker` | the result |
//!
//! Other errands than a session's call use the same leaves: `inspect` and `held_back` for people, `stop`,
//! and `predecessor`, with which a successor finds the worker that it is to take over from.

mod await_claim;
mod backoff;
mod budget;
mod context;
mod diagnosis;
mod election;
mod failure;
mod fast_path;
mod find;
#[cfg(test)]
mod fixture;
mod handover;
mod held_back;
mod holder;
mod inspect;
mod launch;
mod next;
mod predecessor;
mod probe;
mod published;
mod replacement;
mod retirement;
mod reuse;
mod rollback;
mod run;
mod state;
mod stop;
mod successor;
mod suspicion;
#[cfg(test)]
mod tests;
mod worker;

pub use budget::probe_once_limit;
pub use held_back::{HeldBack, held_back};
pub use inspect::{Sight, inspect};
pub(crate) use predecessor::proven_predecessor;
pub use run::{ensure_on, probe_once};
pub use state::read_token;
pub use stop::{StopRequest, Stopped, request_stop};
pub use worker::{Outcome, ReplaceReason, Worker};
