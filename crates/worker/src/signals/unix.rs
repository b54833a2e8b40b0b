//! SIGTERM, SIGINT and SIGHUP. SIGHUP is caught and not set to "ignore", since that would be inherited by children, which may rely on it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) struct Incoming {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Incoming {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn next(&mut self) -> super::Incoming {
        tokio::select! {
            Some(()) = self.terminate.recv() => super::Incoming::Stop("SIGTERM"),
            Some(()) = self.interrupt.recv() => super::Incoming::Stop("SIGINT"),
            Some(()) = self.hang_up.recv() => super::Incoming::HangUp("SIGHUP"),
            else => std::future::pending().await,
        }
    }
}
