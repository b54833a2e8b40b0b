//! The listening socket that a service manager has opened for this process: sd_listen_fds(3).
//!
//! The manager keeps the socket open itself, so clients can connect before the worker is there, and whoever closes a copy of it takes nothing
//! away from anybody.

#[cfg(not(unix))]
mod elsewhere;
mod error;
#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
use elsewhere as imp;
#[cfg(unix)]
use unix as imp;

#[cfg(unix)]
pub use imp::listens;

use std::net::TcpListener;

pub use error::PassedSocketError;

/// Takes the socket over, once in a process; `None` if none was passed to it. It is not inherited by what this process starts.
///
/// For programs that are nothing but the worker, before they open anything: it takes descriptor 3 for what the environment says it is.
///
/// # Errors
/// If what was passed is no listening TCP socket. Then it is left alone.
pub fn passed_listener() -> Result<Option<TcpListener>, PassedSocketError> {
    imp::take()
}
