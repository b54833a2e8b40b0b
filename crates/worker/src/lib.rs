//! The daemon of an identity: what runs once, however many sessions ask for it.
//!
//! A daemon that is started by many sessions at once goes wrong in well-known ways: it touches port, database or pid file before it
//! knows that it is the one; it serves anybody's browser; it lingers half-dead after a failed stop; it hangs and keeps the port.
//! So this crate does one thing after another: [`serve`] takes office through [`coordinator::Tenure`] *before* it touches anything
//! else, answers bounded HTTP on loopback, proves itself to sessions, and ends, whatever happens, within a known time.
//!
//! | module | subject |
//! | --- | --- |
//! | `serve` | one tenure from the claim to the end |
//! | `activation` | the socket that a service manager has opened |
//! | `office` | taking office, or standing by for it |
//! | `server` | HTTP: accept loop, limits, gate, routes |
//! | `api`, `client` | what is said over HTTP, and a client of the data |
//! | `children` | the programs that are started in its place and beside it |
//! | `handover` | what becomes of all that when office is handed over |
//! | `store` | the data: one writer, fenced |
//! | `children` | what child processes say |
//! | `presence` | who needs this worker, and leaving when nobody does |
//! | `stop`, `stages` | why and how a tenure ends, each stage with its budget |
//! | `watchdog`, `vigil` | ends a process whose event loop is stuck, or whose stop takes too long |
//! | `log`, `stderr`, `panic` | what is written, and that writing it never harms |
//! | `signals`, `service_manager` | the surroundings |
#![forbid(unsafe_code)]

mod activation;
pub mod api;
#[cfg_attr(not(unix), allow(dead_code, reason = "nothing can be started there yet"))]
mod children;
pub mod client;
mod error;
mod handover;
mod log;
mod office;
mod options;
mod panic;
mod presence;
mod serve;
mod server;
mod service_manager;
mod signals;
mod stages;
mod stderr;
mod stop;
mod store;
mod vigil;
mod watchdog;

pub use activation::ActivationError;
pub use children::{
    Check, Env, Part, PartLimits, Plan, Restart, RestartWhen, Socket, StopRule, When, parse_duration,
    parse_size,
};
pub use error::ServeError;
pub use log::{LogLevel, UnknownLevel};
pub use options::{Limits, ServeOptions};
pub use serve::{Served, run, serve};
#[doc(hidden)]
pub use server::check_observations;
pub use stop::StopReason;
pub use store::{StoreError, backup, restore, schema_versions};
