//! Sockets can't be passed on this system. The successor binds the port once it is free.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use coordinator::machine::Pid;

use super::passed::PassedSockets;
use crate::server::IdleConnection;

/// Cannot be made on this system.
#[derive(Debug)]
pub(crate) struct SocketSender(Infallible);

impl SocketSender {
    pub(crate) async fn pass(self, _: Vec<IdleConnection>) -> io::Result<()> {
        match self.0 {}
    }
}

/// Receives nothing.
#[derive(Debug)]
pub(crate) struct SocketReceiver;

impl SocketReceiver {
    pub(crate) fn open(_: &Path, _: Pid) -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn passed(self) -> PassedSockets {
        PassedSockets::default()
    }
}
