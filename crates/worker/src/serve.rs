//! A worker's tenures, one after the other. There is a second one only if a handover fails.

use std::net::TcpListener;
use std::time::Duration;

use coordinator::machine::Machine;
use coordinator::{Tenure, WorkerId, failpoint};

use crate::context::WorkerContext;
use crate::error::ServeError;
use crate::options::ServeOptions;
use crate::served::Served;
use crate::service_manager::ServiceManager;
use crate::signals::SignalHandler;
use crate::stop::Stop;
use crate::tenure::{TenureEnd, hold_tenure};

/// How long the predecessor watches the start of its successor.
const SUCCESSION_TIME: Duration = Duration::from_secs(60);

/// Runs a worker until it ends.
///
/// It claims the tenure, listens, answers, and stops on a signal, on request or when superseded. A
/// worker that has handed over stays until its successor serves. If the successor dies before that,
/// the worker claims the next tenure.
///
/// It must run on a Tokio runtime with time and I/O. If the event loop is stuck for
/// [`ServeOptions::watchdog`], or the stop takes too long, the *process* is ended.
///
/// # Errors
/// If the tenure can't be claimed, or the worker can't serve. Sessions that wait for this worker
/// are told over its readiness channel.
pub async fn serve(machine: &Machine, id: &WorkerId, options: ServeOptions) -> Result<Served, ServeError> {
    serve_on(machine, id, options, None).await
}

/// [`serve`], on the socket that a service manager has opened for this worker, if one has.
pub(crate) async fn serve_on(
    machine: &Machine,
    id: &WorkerId,
    options: ServeOptions,
    opened: Option<TcpListener>,
) -> Result<Served, ServeError> {
    failpoint::hit("serve.start");
    let manager = ServiceManager::from_environment();
    let mut worker = WorkerContext { machine, id, options, manager };
    loop {
        let stop = Stop::new();
        let _signals =
            SignalHandler::install(&stop, worker.options.foreground).map_err(ServeError::Signals)?;
        // A copy: the next tenure may need the socket again.
        let socket = opened.as_ref().and_then(|opened| opened.try_clone().ok());
        let (served, successor) = match hold_tenure(&worker, socket, &stop).await? {
            TenureEnd::Over(served) => return Ok(served),
            TenureEnd::HandedOver(served, successor) => (served, successor),
        };
        let failed = tokio::select! {
            biased;
            () = stop.hurried() => false,
            failed = Tenure::succession_failed(machine, id, &successor, SUCCESSION_TIME) => failed,
        };
        if !failed {
            return Ok(served);
        }
        tracing::warn!(
            "the successor (pid {}) is dead and office is vacant: this worker takes it again",
            successor.pid
        );
        worker.options.predecessor = None;
    }
}
