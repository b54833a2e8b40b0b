//! Judging the identity's port. Only the worker in office does it, by binding; a session that tried would be in the way of the others.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Tenure, TenureError};
use crate::deadline::Deadline;
use crate::failpoint;
use crate::identity::PortChoice;
use crate::machine::{BoundPort, Machine, ProbeAnswer};
use crate::proof::Challenge;
use crate::worker_id::WorkerId;

/// How long a port may stay taken by something that goes away by itself: a client's ephemeral socket, or a worker of the same name
/// that is about to notice that its directory was replaced.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long whoever holds the port may take to say who it is.
const PROBE: Duration = Duration::from_millis(300);

impl Tenure {
    /// Takes the identity's port, and judges it: what goes away by itself (a client's socket, a superseded worker) is waited for, up to
    /// three seconds; anything else is named.
    ///
    /// # Errors
    /// [`TenureError::PortTaken`] or [`TenureError::Bind`]. Hand them to [`Tenure::fail`].
    pub async fn bind(&self) -> Result<BoundPort, TenureError> {
        failpoint::hit("bind.before");
        let bound = bind(&self.machine, &self.id).await?;
        failpoint::hit("bind.after");
        Ok(bound)
    }

    /// A free port of this worker's own, for one that supervises a command: that has the identity's port, and the proof is given here.
    ///
    /// # Errors
    /// [`TenureError::Bind`]. Hand it to [`Tenure::fail`].
    pub async fn bind_beside(&self) -> Result<BoundPort, TenureError> {
        bind_free(&self.machine).await
    }
}

async fn bind(machine: &Machine, id: &WorkerId) -> Result<BoundPort, TenureError> {
    let port = match id.port() {
        PortChoice::Fixed(port) => port.get(),
        PortChoice::Auto => 0,
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let deadline = Deadline::after(&*machine.clock, PATIENCE, "waiting for the port");
    let mut pause = Duration::from_millis(2);
    loop {
        match machine.network.bind(address).await {
            Ok(bound) => return Ok(bound),
            Err(source) if source.kind() != io::ErrorKind::AddrInUse => {
                return Err(TenureError::Bind { address, source });
            }
            Err(_) => {}
        }
        if !goes_away(machine, id, address).await || deadline.passed(&*machine.clock) {
            let owner = machine.network.owner(port).await;
            let (pid, program) = owner.map(|owner| (owner.pid, owner.program)).unzip();
            return Err(TenureError::PortTaken { port, pid, program });
        }
        deadline.pause(&*machine.clock, pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Any free port.
async fn bind_free(machine: &Machine) -> Result<BoundPort, TenureError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    machine.network.bind(address).await.map_err(|source| TenureError::Bind { address, source })
}

/// Whether what holds the port can be expected to leave it. Asking a worker of ours makes it check itself, so that one whose directory was
/// replaced leaves at once.
async fn goes_away(machine: &Machine, id: &WorkerId, address: SocketAddr) -> bool {
    let Ok(challenge) = Challenge::fresh(&*machine.random) else { return false };
    let probe = machine.network.probe(address, &challenge);
    match Deadline::after(&*machine.clock, PROBE, "probing the port").limit(&*machine.clock, probe).await {
        // Nobody listens: a socket of a connection has the port, and those end.
        Ok(ProbeAnswer::Refused | ProbeAnswer::Broken(_) | ProbeAnswer::Superseded) => true,
        Ok(ProbeAnswer::Health(health)) => health.name == id.name,
        Ok(ProbeAnswer::Alien { .. } | ProbeAnswer::NotPermitted(_)) | Err(_) => false,
    }
}
