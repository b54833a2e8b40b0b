//! Console events. A detached worker has no console and gets none of them; it is stopped by
//! request.

use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

use super::received::ReceivedSignal;

/// The signals that this process gets.
pub(super) struct SignalStream {
    interrupt: CtrlC,
    terminate: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl SignalStream {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            terminate: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    pub(super) async fn next(&mut self) -> ReceivedSignal {
        tokio::select! {
            Some(()) = self.interrupt.recv() => ReceivedSignal::Stop("Ctrl-C"),
            Some(()) = self.terminate.recv() => ReceivedSignal::Stop("Ctrl-Break"),
            Some(()) = self.shutdown.recv() => ReceivedSignal::Stop("the system's shutdown"),
            Some(()) = self.close.recv() => ReceivedSignal::HangUp("the console's end"),
            else => std::future::pending().await,
        }
    }
}
