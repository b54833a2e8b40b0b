use std::net::SocketAddr;
use std::path::Path;

use coordinator::machine::{BoundPort, Pid};
use coordinator::{PortChoice, Tenure, TenureError};

use super::Incoming;
use super::passing::Passed;
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

/// The identity's port: from the predecessor, if it has passed it and it is the one that is wanted, or as ever.
pub(crate) async fn take_port(tenure: &Tenure, incoming: Option<Incoming>) -> Result<Inherited, TenureError> {
    if let Some(incoming) = incoming {
        let Passed { listener, connections } = incoming.passed().await;
        let wanted = |address: &SocketAddr| match tenure.spec().port() {
            PortChoice::Fixed(port) => address.port() == port.get(),
            PortChoice::Auto => true,
        };
        if let Some(listener) = listener
            && let Some(address) = listener.local_addr().ok().filter(wanted)
        {
            tracing::info!("has the socket at {address}, and {} connections", connections.len());
            return Ok(Inherited { port: BoundPort { address, listener: Some(listener) }, connections });
        }
    }
    Ok(Inherited { port: tenure.bind().await?, connections: Vec::new() })
}
