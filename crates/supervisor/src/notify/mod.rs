//! The socket over which a child reports that it is ready, as systemd's services do (sd_notify(3)).

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use other as imp;
#[cfg(unix)]
use unix as imp;

pub(crate) use imp::NotifySocket;
