//! A Unix datagram socket.

use std::io;
use std::path::Path;

use tokio::net::UnixDatagram;

/// The socket that a child's messages arrive at.
pub(crate) struct NotifySocket(UnixDatagram);

impl NotifySocket {
    /// Binds the socket. Replaces one that is left from before.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        let _ = std::fs::remove_file(path);
        UnixDatagram::bind(path).map(Self)
    }

    /// Waits for `READY=1`.
    pub(crate) async fn ready(&self) -> io::Result<()> {
        let mut message = [0; 4096];
        loop {
            let length = self.0.recv(&mut message).await?;
            if message[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
                return Ok(());
            }
        }
    }

    /// Receives and drops the messages of a child that is ready. The kernel would block the child
    /// once ten messages are queued (unix(7)).
    pub(crate) async fn drain(&self) {
        while self.0.recv(&mut [0; 4096]).await.is_ok() {}
    }
}
