//! `oneworker logs`: the end of the worker's log, or of what a child of it said, and what comes after it.
//!
//! Logs are read by their path, not asked from the worker: they are wanted most when no worker answers.

mod chain;
mod command;
mod follow;
mod printable;
mod range;
mod since;
mod tail;

pub(super) use command::run;
