use std::net::TcpListener;
use std::path::Path;

use coordinator::machine::{BoundPort, Pid};
use coordinator::{Tenure, TenureError};

use super::Incoming;
use super::passing::Passed;
use crate::activation;
use crate::server::Idle;

/// Before office is asked for: from here on the old worker can pass its sockets. Without it the port is bound once it is free.
pub(crate) fn expect(state_dir: &Path, predecessor: Pid) -> Option<Incoming> {
    match Incoming::wait(state_dir, predecessor) {
        Ok(incoming) => Some(incoming),
        Err(error) => {
            tracing::warn!("no sockets can be passed to this worker: {error}");
            None
        }
    }
}

/// What a worker that has just taken office begins with.
pub(crate) struct Inherited {
    pub(crate) port: BoundPort,
    pub(crate) connections: Vec<Idle>,
}

/// The identity's port: from the predecessor, if it has passed it and it is the one that is wanted, from the service manager, or as ever.
pub(crate) async fn take_port(
    tenure: &Tenure,
    incoming: Option<Incoming>,
    opened: Option<TcpListener>,
) -> Result<Inherited, TenureError> {
    if let Some(incoming) = incoming {
        let Passed { listener, connections } = incoming.passed().await;
        if let Some(listener) = listener
            && let Ok(address) = listener.local_addr()
            && activation::is_of(tenure.spec().port(), address)
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
