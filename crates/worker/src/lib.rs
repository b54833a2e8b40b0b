//! The daemon of an identity. It runs once, however many sessions ask for it.
//!
//! A daemon that many sessions start at once has known failure modes. It touches port, database or
//! pid file before it knows that it is the only one. It serves any web page in the browser. It
//! lingers after a failed stop, or hangs and keeps the port. So this crate does one thing after
//! another: [`serve`] claims the tenure through [`coordinator::Tenure`] before it touches anything
//! else. It answers bounded HTTP on loopback, proves itself to sessions, and ends within a known
//! time.
//!
//! ```text
//! run ──▶ serve ──▶ tenure: claim ──▶ startup ──▶ until a stop ──▶ stages
//!                                        │
//!                                        ▼
//!                                    resources: server, store, supervisor, upkeep
//! ```
//!
//! | module | subject |
//! | --- | --- |
//! | `run` | the process: guardian, log, event loop |
//! | `serve` | the worker's tenures, one after the other |
//! | `tenure`, `context`, `resources` | one tenure, what its steps share, and what it has opened |
//! | `claim` | claims the tenure, or stands by for it |
//! | `startup` | from the claim to the report that the worker is ready |
//! | `api`, `client` | the HTTP API of the data as types, and a client of it |
//! | `stop`, `stages` | why and how a tenure ends, each stage with its budget |
//! | `handover` | moves the sockets from one worker to the next |
//! | `activation` | the socket that a service manager has opened |
//! | `server` | HTTP: accept loop, limits, gate, routes |
//! | `store` | the data: one writer, fenced |
//! | `presence` | leases, and stopping when the worker is not needed |
//! | `upkeep` | what runs beside serving |
//! | `watchdog`, `vigil` | ends a process whose event loop is stuck, or whose stop takes too long |
//! | `log`, `stderr`, `panic` | what is written, so that writing never harms |
//! | `signals`, `service_manager` | requests from outside, and reports to outside |
//!
//! The children that run in the worker's place and beside it are the subject of
//! [`oneworker_supervisor`]. Its plan is part of [`ServeOptions`], so it is exported from here too.
#![forbid(unsafe_code)]

mod activation;
pub mod api;
mod claim;
pub mod client;
mod context;
mod error;
mod handover;
mod log;
mod options;
mod panic;
mod presence;
mod resources;
mod run;
mod serve;
mod served;
mod server;
mod service_manager;
mod signals;
mod stages;
mod startup;
mod stderr;
mod stop;
mod store;
mod tenure;
mod upkeep;
mod vigil;
mod watchdog;

pub use activation::ActivationError;
pub use error::ServeError;
pub use log::{LogLevel, UnknownLevel};
pub use oneworker_supervisor::{
    Check, ChildSpec, Env, Plan, ResourceLimits, RestartPolicy, RestartWhen, SocketMode, StartPhase,
    StopPolicy, parse_duration, parse_size,
};
pub use options::{Limits, ServeOptions};
pub use run::run;
pub use serve::serve;
pub use served::Served;
#[doc(hidden)]
pub use server::check_observations;
pub use stop::StopReason;
pub use store::{StoreError, backup, restore, schema_versions};
