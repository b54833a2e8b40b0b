//! The programs that are started in this worker's place and beside it: a command that serves, and its helpers.
//!
//! [`Plan`] says what, as the configuration writes it. Each part has a life of its own (`life`): it is started, asked until it is ready, watched,
//! and started again by its rule. Here is what they have in common: the order in which they are started and ended, and what their end means for the
//! tenure. None of them outlives it: see [`coordinator::tree`].

mod plan;
mod rules;
mod text;

mod check;
mod chronicle;
mod failure;
mod ground;
mod life;
#[cfg_attr(unix, path = "notify/unix.rs")]
#[cfg_attr(not(unix), path = "notify/elsewhere.rs")]
mod notify;
mod output;
mod ports;
mod restarts;
mod running;

use std::time::Duration;

pub use plan::Limits as PartLimits;
pub use plan::{Check, Env, Part, Plan, Restart, RestartWhen, Socket, Stop as StopRule, When};
pub(crate) use running::{Children, in_office, prepare};
pub use text::{parse_duration, parse_size};

/// How long a killed process may take to be gone.
const KILL: Duration = Duration::from_secs(2);
