//! What a worker has opened and started in a tenure.

use std::sync::Arc;

use oneworker_supervisor::Supervisor;

use crate::context::TenureContext;
use crate::handover::SocketSender;
use crate::server::HttpServer;
use crate::store::Store;
use crate::upkeep::Upkeep;

/// What a worker has so far. However its start ends, the stop must close all of it.
pub(crate) struct Resources {
    pub(crate) server: Option<HttpServer>,
    pub(crate) store: Option<Arc<Store>>,
    pub(crate) supervisor: Supervisor,
    /// The channel that the sockets are passed to a successor on.
    pub(crate) sender: Option<SocketSender>,
    pub(crate) upkeep: Option<Upkeep>,
}

impl Resources {
    /// Makes the resources of a tenure. Nothing is open or started yet.
    pub(crate) fn new(context: &TenureContext<'_>) -> Self {
        let worker = context.worker;
        let supervisor =
            Supervisor::new(worker.machine, &context.tenure, &worker.options.children, worker.log_limits());
        Self { server: None, store: None, supervisor, sender: None, upkeep: None }
    }
}
