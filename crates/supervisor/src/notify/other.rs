//! Not available: systemd's protocol needs Unix sockets. A plan that asks for it is refused.

use std::convert::Infallible;
use std::io;
use std::path::Path;

/// Cannot be made on this system.
pub(crate) struct NotifySocket(Infallible);

impl NotifySocket {
    pub(crate) fn bind(_: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) async fn ready(&self) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) async fn drain(&self) {
        match self.0 {}
    }
}
