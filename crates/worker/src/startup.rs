//! The start of a tenure, from the claim to the report that the worker is ready.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use coordinator::machine::BoundPort;
use coordinator::record::Service;
use coordinator::tree::Marker;
use coordinator::{Superseded, TenureError};
use oneworker_supervisor::{PublicPort, Supervisor};

use crate::context::TenureContext;
use crate::error::ServeError;
use crate::handover::{self, Inherited, SocketReceiver};
use crate::presence::Presence;
use crate::resources::Resources;
use crate::server::{ControlState, DataState, HttpServer, IdleConnection, RequestHandler, data_routes};
use crate::stop::StopReason;
use crate::store::Store;
use crate::upkeep::Upkeep;

/// Sockets that other processes offer to this worker, so that it need not bind its port.
pub(crate) struct OfferedSockets {
    /// Receives those of the predecessor.
    pub(crate) receiver: Option<SocketReceiver>,
    /// The one that a service manager has opened.
    pub(crate) opened: Option<TcpListener>,
}

/// The ports of a worker.
struct Ports {
    /// The port of the worker's own server. No listener on a simulated machine, which has no
    /// sockets.
    own: BoundPort,
    /// Connections to it that the predecessor has passed on.
    connections: Vec<IdleConnection>,
    /// The port of the command that serves in the worker's place, if there is one.
    public: Option<BoundPort>,
}

/// Binds the port, opens the database, starts the server and the children, and reports that the
/// worker is ready. Returns the address at which the worker, or its command, serves.
pub(crate) async fn start(
    context: &TenureContext<'_>,
    sockets: OfferedSockets,
    resources: &mut Resources,
) -> Result<SocketAddr, ServeError> {
    let tenure = &context.tenure;
    let marker = resources.supervisor.sweep().await?;
    let Ports { own, connections, public } = bind_ports(context, sockets).await?;
    let address = own.address;

    let store = Arc::new(open_store(context).await?);
    resources.store = Some(store.clone());
    let presence =
        Presence::restore(context.worker.machine, store.clone()).await.map_err(TenureError::from)?;

    let control = Arc::new(ControlState::new(tenure.clone(), context.stop.clone(), context.handover.clone()));
    if let Some(listener) = own.listener {
        let limits = context.worker.options.limits;
        let data = DataState {
            store: store.clone(),
            presence: presence.clone(),
            machine: context.worker.machine.clone(),
            batch_bytes: limits.batch_bytes,
        };
        let handler = RequestHandler::new(control.clone(), data_routes(data.into()), address, limits);
        let server = HttpServer::start(listener, connections, handler, limits);
        resources.server = Some(server.map_err(ServeError::Listen)?);
    }

    let mut service = None;
    if let Some(marker) = marker {
        tenure.starting(address).await?;
        let port = match public {
            Some(public) => PublicPort { number: public.address.port(), socket: public.listener },
            None => PublicPort { number: address.port(), socket: None },
        };
        service = start_children(context, &resources.supervisor, marker, port).await?;
    }

    tenure.ready_with(address, service).await?;
    control.set_ready();
    resources.upkeep = Some(Upkeep::start(context, store, presence));
    Ok(service.map_or(address, |service| service.address))
}

async fn bind_ports(context: &TenureContext<'_>, sockets: OfferedSockets) -> Result<Ports, TenureError> {
    let tenure = &context.tenure;
    let Inherited { port, connections } =
        handover::take_port(tenure, sockets.receiver, sockets.opened).await?;
    if context.worker.options.children.command.is_none() {
        return Ok(Ports { own: port, connections, public: None });
    }
    // A command that serves in this worker's place gets its port.
    Ok(Ports { own: tenure.bind_beside().await?, connections, public: Some(port) })
}

async fn open_store(context: &TenureContext<'_>) -> Result<Store, TenureError> {
    let stop = context.stop.clone();
    let superseded = move |superseded: Superseded| {
        stop.begin(StopReason::Superseded { why: superseded.why });
    };
    let clock = context.worker.machine.clock.clone();
    let opened = Store::open(context.worker.store_config(), context.tenure.epoch(), clock, superseded).await;
    opened.map_err(TenureError::from)
}

async fn start_children(
    context: &TenureContext<'_>,
    supervisor: &Supervisor,
    marker: Marker,
    port: PublicPort,
) -> Result<Option<Service>, TenureError> {
    let number = port.number;
    supervisor.start(marker, port).await?;
    let stop = context.stop.clone();
    supervisor.follow(number, move |why| stop.begin(StopReason::Part { why }));
    Ok(supervisor.service(number))
}
