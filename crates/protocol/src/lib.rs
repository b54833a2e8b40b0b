//! The protocol of the one worker: electing who starts it, proving it, replacing it, handing over.
//!
//! It runs over the traits of [`machine`] and makes no system call of its own, so the code that ships also runs on a simulated machine.
//! Programs use the `oneworker-coordinator` crate, which runs it on the real one.
#![forbid(unsafe_code)]

mod backoff;
mod deadline;
mod ensure;
mod error;
pub mod failpoint;
mod identity;
mod launch_command;
pub mod layout;
pub mod lock_scheme;
pub mod machine;
pub mod notes;
pub mod proof;
pub mod record;
mod request;
mod request_error;
pub mod sabotage;
mod state_dir;
mod tenure;
#[cfg(test)]
mod test_machine;
mod upgrade;
mod worker_id;

pub use backoff::Backoff;
pub use deadline::{Deadline, TimedOut};
pub use ensure::{
    HeldBack, Outcome, ReplaceReason, Sight, StopRequest, Stopped, Worker, ensure_on, held_back, inspect,
    probe_once, probe_once_limit, read_token, request_stop,
};
pub use error::{EnsureError, LOG_TAIL_BYTES};
pub use identity::{Epoch, InvalidValue, Name, Port, PortChoice, ProtocolRange};
pub use launch_command::LaunchCommand;
pub use machine::{HandOver, HandOverReply};
pub use request::{EnsureRequest, EnsureRequestBuilder};
pub use request_error::RequestError;
pub use state_dir::{NoStateDir, config_dir_below, state_dir_below};
pub use tenure::{Claim, EpochFloor, HandOverRefused, Holder, Superseded, Takeover, Tenure, TenureError};
pub use upgrade::{InvalidPredecessor, Predecessor, Successor, UpgradeLimits, UpgradePolicy};
pub use worker_id::{UsualStateDir, WorkerId, WorkerIdBuilder};
