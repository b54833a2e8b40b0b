//! The signals that ask a worker to stop, and the hang-up, which must not stop it: otherwise a
//! daemon would end with the session that happened to start it.
//!
//! The first signal begins the stop. Each further one skips the drain.

mod handler;
mod received;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as imp;
#[cfg(windows)]
use windows as imp;

pub(crate) use handler::SignalHandler;
