//! Turns signals into the decision to stop.

use std::io;

use tokio::task::JoinHandle;

use super::imp::SignalStream;
use super::received::ReceivedSignal;
use crate::stop::{Stop, StopReason};

/// Handles signals until it is dropped.
#[must_use = "dropping it leaves the signals unhandled"]
pub(crate) struct SignalHandler(JoinHandle<()>);

impl SignalHandler {
    /// Installs the handlers. `foreground`: a hang-up of the terminal stops the worker.
    pub(crate) fn install(stop: &Stop, foreground: bool) -> io::Result<Self> {
        let mut signals = SignalStream::new()?;
        let stop = stop.clone();
        Ok(Self(tokio::spawn(async move {
            loop {
                match signals.next().await {
                    ReceivedSignal::Stop(name) => {
                        tracing::info!("got {name}");
                        stop.begin_or_hurry(StopReason::Signal(name));
                    }
                    ReceivedSignal::HangUp(name) if foreground => {
                        stop.begin_or_hurry(StopReason::Signal(name))
                    }
                    ReceivedSignal::HangUp(name) => {
                        tracing::debug!("{name} is ignored: this worker is detached")
                    }
                }
            }
        })))
    }
}

impl Drop for SignalHandler {
    fn drop(&mut self) {
        self.0.abort();
    }
}
