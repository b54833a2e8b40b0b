//! What a new worker gets from the old one.

use std::net::TcpListener;
use std::path::Path;

use coordinator::machine::{BoundPort, Pid};
use coordinator::{Tenure, TenureError};

use super::passing::{PassedSockets, SocketReceiver};
use crate::activation;
use crate::server::IdleConnection;

/// Waits for the sockets of the predecessor. Call it before the handover is requested. If there is
/// no receiver, the port is bound once it is free.
pub(crate) fn receive_from(state_dir: &Path, predecessor: Pid) -> Option<SocketReceiver> {
    match SocketReceiver::open(state_dir, predecessor) {
        Ok(receiver) => Some(receiver),
        Err(error) => {
            tracing::warn!("no sockets can be passed to this worker: {error}");
            None
        }
    }
}

/// What a worker begins to serve with.
pub(crate) struct Inherited {
    pub(crate) port: BoundPort,
    pub(crate) connections: Vec<IdleConnection>,
}

/// Returns the identity's port: from the predecessor, if it has passed the expected one, from the
/// service manager, or newly bound.
pub(crate) async fn take_port(
    tenure: &Tenure,
    receiver: Option<SocketReceiver>,
    opened: Option<TcpListener>,
) -> Result<Inherited, TenureError> {
    if let Some(receiver) = receiver {
        let PassedSockets { listener, connections } = receiver.passed().await;
        if let Some(listener) = listener
            && let Ok(address) = listener.local_addr()
            && activation::is_of(tenure.id().port(), address)
        {
            tracing::info!("has the socket at {address}, and {} connections", connections.len());
            return Ok(Inherited { port: BoundPort { address, listener: Some(listener) }, connections });
        }
    }
    if let Some(listener) = opened
        && let Ok(address) = listener.local_addr()
    {
        tracing::info!("was started with the socket at {address}");
        let port = BoundPort { address, listener: Some(listener) };
        return Ok(Inherited { port, connections: Vec::new() });
    }
    Ok(Inherited { port: tenure.bind().await?, connections: Vec::new() })
}
