use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::windows::io::AsRawSocket;

use socket2::{Domain, Protocol, Socket, Type};
use windows_sys::Win32::Networking::WinSock::{
    SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET, SOMAXCONN, WSAEACCES, setsockopt,
};

/// With `SO_EXCLUSIVEADDRUSE`, which must be set before the bind: without it, another program could take the port over by
/// `SO_REUSEADDR` (MSDN, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE"). On Windows a bind fails for a port in use by a connection of
/// the past only while that is still open, so nothing like Unix's `SO_REUSEADDR` is needed.
pub(super) fn bind_exclusively(address: SocketAddr) -> io::Result<TcpListener> {
    // Not inheritable: a child of the worker must not keep the port.
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    let on = 1_i32;
    let handle = SOCKET::try_from(socket.as_raw_socket()).map_err(io::Error::other)?;
    let size = i32::try_from(size_of_val(&on)).map_err(io::Error::other)?;
    // SAFETY: an open socket, and a pointer to as many bytes as is said.
    if unsafe { setsockopt(handle, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (&raw const on).cast(), size) } != 0 {
        return Err(io::Error::last_os_error());
    }
    socket.bind(&address.into()).map_err(|error| by_whom(error, address.port()))?;
    // As many as Windows likes: a connection beyond the backlog is refused, where Unix would let it wait.
    socket.listen(i32::try_from(SOMAXCONN).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// `WSAEACCES` means a port that another user's program has exclusively, or one that the system reserves (Hyper-V, `netsh int ip show
/// excludedportrange`). Only the first is a port in use.
fn by_whom(error: io::Error, port: u16) -> io::Error {
    let in_use = || listeners::get_process_by_port(port, listeners::Protocol::TCP).is_ok();
    if error.raw_os_error() == Some(WSAEACCES) && in_use() {
        io::Error::new(io::ErrorKind::AddrInUse, error)
    } else {
        error
    }
}
