//! Where a request came to.

use std::net::SocketAddr;

/// The address that the client connected to, as the kernel saw it. It is part of the proof.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialled(pub(super) SocketAddr);
