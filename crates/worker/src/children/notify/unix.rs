//! Hearing a part that says that it is ready as systemd's services do (sd_notify(3)).

use std::io;
use std::path::Path;

use tokio::net::UnixDatagram;

/// The socket that a part's messages come over.
pub(super) struct Notify(UnixDatagram);

impl Notify {
    /// Makes it, in the place of an earlier one.
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        let _ = std::fs::remove_file(path);
        UnixDatagram::bind(path).map(Self)
    }

    /// Waits for `READY=1`.
    pub(super) async fn ready(&self) -> io::Result<()> {
        let mut message = [0; 4096];
        loop {
            let length = self.0.recv(&mut message).await?;
            if message[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
                return Ok(());
            }
        }
    }

    /// What it says after it is ready is heard too: the kernel would keep it waiting once ten messages lie there (unix(7)).
    pub(super) async fn hear_all(&self) {
        while self.0.recv(&mut [0; 4096]).await.is_ok() {}
    }
}
