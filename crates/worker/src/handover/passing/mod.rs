//! The sockets that one worker passes to another: the listening socket and the open connections.

#[cfg(not(unix))]
mod other;
mod passed;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use other as imp;
#[cfg(unix)]
use unix as imp;

pub(crate) use imp::{SocketReceiver, SocketSender};
pub(super) use passed::PassedSockets;
