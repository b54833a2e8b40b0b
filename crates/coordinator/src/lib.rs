//! However many sessions start at once, exactly one background worker runs, and every session gets it.
//!
//! The session's side is one call, [`ensure_single_worker`]; the worker's side is [`Tenure`]. Both rest on a lock that the kernel
//! releases when its holder dies, never on a pid file, a time-out or a clock; `docs/protocol.md` has the argument.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use coordinator::{LaunchCommand, WorkerSpec, ensure_single_worker};
//!
//! let spec = WorkerSpec::builder(LaunchCommand::new("my-daemon", ["serve"])).name("my-tool").build()?;
//! let worker = ensure_single_worker(&spec).await?;
//! println!("{} (pid {}, epoch {})", worker.url, worker.pid, worker.epoch);
//! # Ok(())
//! # }
//! ```

pub mod api;
pub mod blocking;
pub mod client;
mod deadline;
mod ensure;
mod error;
#[cfg_attr(not(feature = "failpoints"), path = "failpoint_off.rs")]
pub mod failpoint;
#[cfg(feature = "fence")]
pub mod fence;
mod identity;
pub mod layout;
pub mod lifecycle;
pub mod lock_scheme;
pub mod machine;
pub mod notes;
pub mod proof;
pub mod record;
#[cfg_attr(not(feature = "sabotage"), path = "sabotage_off.rs")]
pub mod sabotage;
mod spec;
mod state_dir;
pub mod system;
mod tenure;
mod upgrade;

pub use deadline::{Deadline, TimedOut};
pub use ensure::{
    Outcome, ReplaceReason, Sight, Stopped, Worker, ensure_on, ensure_single_worker, inspect, request_stop,
};
pub use error::{EnsureError, LOG_TAIL_BYTES};
pub use identity::{Epoch, InvalidValue, Name, Port, PortChoice, ProtocolRange};
pub use spec::{Backoff, LaunchCommand, SpecError, WorkerSpec, WorkerSpecBuilder};
pub use state_dir::{NoStateDir, default_config_dir, default_state_dir};
pub use system::tree;
pub use tenure::{Claim, EpochFloor, HandOverRefused, Holder, Superseded, Tenure, TenureError};
pub use upgrade::{
    HandOver, HandOverReply, InvalidPredecessor, Predecessor, Successor, UpgradeLimits, UpgradePolicy,
};
