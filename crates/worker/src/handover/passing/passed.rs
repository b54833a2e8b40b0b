//! What was passed.

use std::net::TcpListener;

use crate::server::IdleConnection;

/// The sockets that a predecessor has passed.
#[derive(Debug, Default)]
pub(crate) struct PassedSockets {
    pub(crate) listener: Option<TcpListener>,
    pub(crate) connections: Vec<IdleConnection>,
}
