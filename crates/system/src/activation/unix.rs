use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::SocketType;
use rustix::net::sockopt::socket_type;

use super::error::PassedSocketError;

/// `SD_LISTEN_FDS_START`
const FIRST: RawFd = 3;

static TAKEN: AtomicBool = AtomicBool::new(false);

pub(super) fn take() -> Result<Option<TcpListener>, PassedSocketError> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    // Variables that were meant for another process and inherited from it say nothing.
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Ok(None);
    }
    match number("LISTEN_FDS") {
        None | Some(0) => return Ok(None),
        Some(1) => {}
        Some(several) => return Err(PassedSocketError::Several(several)),
    }
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Ok(None);
    }
    // SAFETY: only looked at; a number that is no descriptor makes the calls fail.
    let borrowed = unsafe { BorrowedFd::borrow_raw(FIRST) };
    listening(borrowed).map_err(PassedSocketError::NotListening)?;
    // SAFETY: it was opened for this process, and nobody else here knows its number; taken once.
    Ok(Some(TcpListener::from(unsafe { OwnedFd::from_raw_fd(FIRST) })))
}

/// Whether it is what it is to be; then it is ready to be used.
fn listening(socket: BorrowedFd<'_>) -> io::Result<()> {
    if socket_type(socket)? != SocketType::STREAM {
        return Err(io::Error::other("it is of another type"));
    }
    let address = rustix::net::getsockname(socket)?;
    if std::net::SocketAddr::try_from(address).is_err() {
        return Err(io::Error::other("it has no Internet address"));
    }
    if !listens(socket) {
        return Err(io::Error::other("nobody has called listen(2) on it"));
    }
    fcntl_setfd(socket, FdFlags::CLOEXEC)?;
    Ok(rustix::io::ioctl_fionbio(socket, true)?)
}

/// Whether connections can come to this socket.
#[cfg(not(target_vendor = "apple"))]
pub fn listens(socket: impl AsFd) -> bool {
    rustix::net::sockopt::socket_acceptconn(socket).unwrap_or(false)
}

/// Whether connections may come to this socket: Apple's systems have `SO_ACCEPTCONN` and do not answer it.
#[cfg(target_vendor = "apple")]
pub fn listens(socket: impl AsFd) -> bool {
    rustix::net::getsockname(socket).is_ok()
}
