//! The signals that ask a worker to stop, and the one that must not: a daemon that dies of its terminal's hang-up ends with the session
//! that happened to start it.
//!
//! The first signal begins the stop; each further one says that the sender is out of patience, and skips the drain.

#[cfg(unix)]
#[path = "unix.rs"]
mod imp;
#[cfg(windows)]
#[path = "windows.rs"]
mod imp;

use std::io;

use tokio::task::JoinHandle;

use crate::stop::{Stop, StopReason};

/// Signals are handled as long as this lives.
#[must_use = "dropping it leaves the signals unanswered"]
pub(crate) struct Signals(JoinHandle<()>);

impl Signals {
    /// Installs the handlers. `foreground`: the terminal's hang-up is a reason to stop.
    pub(crate) fn handle(stop: &Stop, foreground: bool) -> io::Result<Self> {
        let mut incoming = imp::Incoming::new()?;
        let stop = stop.clone();
        Ok(Self(tokio::spawn(async move {
            loop {
                match incoming.next().await {
                    Incoming::Stop(name) => {
                        tracing::info!("got {name}");
                        stop.begin_or_hurry(StopReason::Signal(name));
                    }
                    Incoming::HangUp(name) if foreground => stop.begin_or_hurry(StopReason::Signal(name)),
                    Incoming::HangUp(name) => tracing::debug!("{name} is ignored: this worker is detached"),
                }
            }
        })))
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a signal means.
enum Incoming {
    /// Stop.
    Stop(&'static str),
    /// The terminal went away.
    HangUp(&'static str),
}
