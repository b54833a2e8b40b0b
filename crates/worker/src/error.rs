//! Why a worker could not serve.

use std::io;

use coordinator::TenureError;
use thiserror::Error;

use crate::activation::ActivationError;

/// Why [`crate::serve`] ended without having served. A lost claim is no error: see
/// [`crate::Served::Lost`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The tenure could not be claimed or used. Sessions were told already.
    #[error(transparent)]
    Tenure(#[from] TenureError),
    /// The socket that a service manager has opened for this worker is not the identity's. Nothing
    /// was touched.
    #[error(transparent)]
    Activation(#[from] ActivationError),
    /// The event loop could not be started, mostly because of too many open files.
    #[error("the event loop can't be started: {0}")]
    EventLoop(#[source] io::Error),
    /// The handlers of the stop signals could not be installed.
    #[error("the stop signals can't be handled: {0}")]
    Signals(#[source] io::Error),
    /// The watchdog's thread could not be started. Without it, a stuck worker would keep the
    /// tenure.
    #[error("the watchdog's thread can't be started: {0}")]
    Watchdog(#[source] io::Error),
    /// The guardian of the children could not be started.
    #[error("the worker's processes can't be guarded: {0}")]
    Guard(#[source] io::Error),
    /// The bound socket could not be handed to the event loop.
    #[error("the bound port can't be listened on: {0}")]
    Listen(#[source] io::Error),
}

impl ServeError {
    /// Returns a code that stays the same in every version, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Tenure(error) => error.code(),
            Self::Activation(_) => "activation",
            Self::EventLoop(_) => "event_loop",
            Self::Signals(_) => "signals",
            Self::Watchdog(_) => "watchdog",
            Self::Guard(_) => "guard",
            Self::Listen(_) => "listen",
        }
    }
}
