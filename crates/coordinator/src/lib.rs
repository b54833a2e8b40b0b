//! However many sessions start at once, exactly one background worker runs, and every session gets it.
//!
//! The session's side is one call, [`ensure_single_worker`]; the worker's side is [`Tenure`]. Both rest on a lock that the kernel
//! releases when its holder dies, never on a pid file, a time-out or a clock; `docs/protocol.md` has the argument.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use coordinator::{EnsureRequest, LaunchCommand, ensure_single_worker, worker_id};
//!
//! let id = worker_id("my-tool").build()?;
//! let request = EnsureRequest::new(id, LaunchCommand::new("my-daemon", ["serve"]));
//! let worker = ensure_single_worker(&request).await?;
//! println!("{} (pid {}, epoch {})", worker.url, worker.pid, worker.epoch);
//! # Ok(())
//! # }
//! ```
//!
//! The worker's side:
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use coordinator::{Claim, Tenure, system, worker_id};
//!
//! let id = worker_id("my-tool").build()?;
//! let Claim::Won(tenure) = Tenure::claim(&system::machine(), &id, None, system::readiness()).await? else {
//!     return Ok(()); // another worker is running: nothing was touched
//! };
//! let port = tenure.bind().await?;
//! // … serve on `port.listener`, answering `GET /health?challenge=…` with `tenure.answer(…)` …
//! tenure.ready(port.address).await?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod blocking;
mod ensure;
pub mod system;
mod worker_id;

pub use ensure::ensure_single_worker;
#[cfg(feature = "fence")]
pub use oneworker_fence as fence;
#[cfg(feature = "history")]
pub use oneworker_history as lifecycle;
pub use oneworker_process_tree as tree;
pub use oneworker_protocol::{
    Backoff, Claim, Deadline, EnsureError, EnsureRequest, EnsureRequestBuilder, Epoch, EpochFloor, HandOver,
    HandOverRefused, HandOverReply, HeldBack, Holder, InvalidPredecessor, InvalidValue, LOG_TAIL_BYTES,
    LaunchCommand, Name, NoStateDir, Outcome, Port, PortChoice, Predecessor, ProtocolRange, ReplaceReason,
    RequestError, Sight, StopRequest, Stopped, Successor, Superseded, Takeover, Tenure, TenureError,
    TimedOut, UpgradeLimits, UpgradePolicy, UsualStateDir, Worker, WorkerId, WorkerIdBuilder, ensure_on,
    held_back, inspect, read_token, request_stop,
};
pub use oneworker_protocol::{failpoint, layout, lock_scheme, machine, notes, proof, record, sabotage};
pub use oneworker_system::{default_config_dir, default_state_dir};
pub use worker_id::worker_id;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
