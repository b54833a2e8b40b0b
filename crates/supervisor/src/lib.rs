//! Runs the commands of a daemon: one that serves in the daemon's place, and helpers beside it.
//!
//! A [`Plan`] says what to run, as the configuration writes it. A [`Supervisor`] belongs to one
//! tenure. It starts the children in order, each once the children that it needs are ready. It
//! restarts a child that fails, and ends all of them in reverse order.
//!
//! ```text
//! Plan ──▶ Supervisor ──▶ one lifecycle per child:
//!
//!            start ──▶ readiness check ──▶ liveness checks ──▶ end
//!              ▲                                                │
//!              └──────────────── pause ◀── failed ◀─────────────┘
//! ```
//!
//! No child outlives the tenure: see [`coordinator::tree`].
#![forbid(unsafe_code)]

mod check;
mod child_guard;
mod context;
mod event_log;
mod failure;
mod follower;
mod lifecycle;
pub mod logfile;
mod notify;
mod output;
mod plan;
mod ports;
mod restarts;
mod supervisor;
mod units;
mod validation;

pub use plan::{
    Check, ChildSpec, Env, Plan, ResourceLimits, RestartPolicy, RestartWhen, SocketMode, StartPhase,
    StopPolicy,
};
pub use supervisor::{PublicPort, Supervisor, guard, outlive_guardian};
pub use units::{parse_duration, parse_size};
