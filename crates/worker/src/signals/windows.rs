//! Console events. A detached worker has no console and gets none of them: it is stopped by request.

use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

pub(super) struct Incoming {
    interrupt: CtrlC,
    terminate: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Incoming {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            terminate: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    pub(super) async fn next(&mut self) -> super::Incoming {
        tokio::select! {
            Some(()) = self.interrupt.recv() => super::Incoming::Stop("Ctrl-C"),
            Some(()) = self.terminate.recv() => super::Incoming::Stop("Ctrl-Break"),
            Some(()) = self.shutdown.recv() => super::Incoming::Stop("the system's shutdown"),
            Some(()) = self.close.recv() => super::Incoming::HangUp("the console's end"),
            else => std::future::pending().await,
        }
    }
}
