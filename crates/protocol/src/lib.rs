//! The protocol of the one worker: electing who starts it, proving it, replacing it, handing over.
//!
//! It runs over the traits of [`machine`] and makes no system call of its own, so the code that ships also runs on a simulated machine.
//! Programs use the `oneworker-coordinator` crate, which runs it on the real one.
#![forbid(unsafe_code)]

mod deadline;
mod ensure;
mod error;
pub mod failpoint;
mod identity;
pub mod layout;
pub mod lock_scheme;
pub mod machine;
pub mod notes;
pub mod proof;
pub mod record;
pub mod sabotage;
mod spec;
mod state_dir;
mod tenure;
#[cfg(test)]
mod test_machine;
mod upgrade;

pub use deadline::{Deadline, TimedOut};
pub use ensure::{
    Outcome, ReplaceReason, Sight, Stopped, Worker, ensure_on, glance_on, inspect, read_token, request_stop,
    single_poll,
};
pub use error::{EnsureError, LOG_TAIL_BYTES};
pub use identity::{Epoch, InvalidValue, Name, Port, PortChoice, ProtocolRange};
pub use spec::{Backoff, LaunchCommand, SpecError, UsualStateDir, WorkerSpec, WorkerSpecBuilder};
pub use state_dir::{NoStateDir, config_dir_below, state_dir_below};
pub use tenure::{Claim, EpochFloor, HandOverRefused, Holder, Superseded, Tenure, TenureError};
pub use upgrade::{
    HandOver, HandOverReply, InvalidPredecessor, Predecessor, Successor, UpgradeLimits, UpgradePolicy,
};
