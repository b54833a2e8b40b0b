//! SIGTERM, SIGINT and SIGHUP. SIGHUP is caught and not ignored: children would inherit that, and
//! they may rely on the signal.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::received::ReceivedSignal;

/// The signals that this process gets.
pub(super) struct SignalStream {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl SignalStream {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn next(&mut self) -> ReceivedSignal {
        tokio::select! {
            Some(()) = self.terminate.recv() => ReceivedSignal::Stop("SIGTERM"),
            Some(()) = self.interrupt.recv() => ReceivedSignal::Stop("SIGINT"),
            Some(()) = self.hang_up.recv() => ReceivedSignal::HangUp("SIGHUP"),
            else => std::future::pending().await,
        }
    }
}
