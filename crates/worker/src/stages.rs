//! The stop: stages with a budget each.
//!
//! With one budget for all stages, the first stage could spend it, and the rest would never happen.
//! Without a budget, a stop may never end. So every stage has its own, and logs how it went. The
//! watchdog has the sum, and ends the process if that is exceeded.

use std::time::Duration;

use coordinator::Tenure;
use tokio::time::{Instant, timeout};

use crate::context::TenureContext;
use crate::error::ServeError;
use crate::handover::SocketSender;
use crate::options::ServeOptions;
use crate::resources::Resources;
use crate::server::{DrainReport, HttpServer};
use crate::stop::{Stop, StopReason};

/// To mark the record: the tenure is about to end.
const LEAVING: Duration = Duration::from_secs(1);
/// To commit the waiting writes, and to close the database.
const CLOSE: Duration = Duration::from_secs(2);
/// To record the end, and to remove the secrets.
const END: Duration = Duration::from_secs(1);
/// For the time between the stages on a loaded machine.
const SLACK: Duration = Duration::from_secs(2);

/// Returns the longest time that the stop of a worker with these options may take.
pub(crate) fn stop_budget(options: &ServeOptions) -> Duration {
    budget(options.drain + options.children.stop_budget())
}

/// Returns the longest time that a stop may take, if all drains together take `drain`.
pub(crate) fn budget(drain: Duration) -> Duration {
    LEAVING.saturating_add(drain).saturating_add(CLOSE).saturating_add(END).saturating_add(SLACK)
}

/// Goes through the stages. The lock is released afterwards, when the tenure is dropped.
pub(crate) async fn leave(
    context: &TenureContext<'_>,
    mut resources: Resources,
    reason: &StopReason,
    drain: Duration,
) {
    let TenureContext { tenure, stop, .. } = context;
    let begun = Instant::now();
    tracing::info!(epoch = tenure.epoch().0, "stopping ({reason})");

    if timeout(LEAVING, tenure.leaving()).await.is_err() {
        tracing::warn!("stop: the record could not be marked within {LEAVING:?}");
    }
    if let Some(server) = resources.server {
        let drained = match resources.sender.take() {
            Some(sender) if matches!(reason, StopReason::HandedOver { .. }) => {
                pass_on(server, sender, drain, stop).await
            }
            _ => server.drain(drain, stop.hurried()).await,
        };
        match drained.cut {
            0 => tracing::info!("stop: no longer listening; {} connections ended", drained.ended),
            cut => tracing::warn!(
                "stop: no longer listening; {} connections ended, {cut} were cut off",
                drained.ended
            ),
        }
    }
    resources.supervisor.stop(stop.hurried()).await;
    if let Some(store) = resources.store
        && timeout(CLOSE, store.close()).await.is_err()
    {
        tracing::warn!("stop: the database could not be closed within {CLOSE:?}");
    }
    end(tenure, &reason.to_string()).await;
    tracing::info!("stopped after {:.1?}", begun.elapsed());
}

/// Stops serving, and gives the successor the connections that it can continue.
async fn pass_on(server: HttpServer, sender: SocketSender, drain: Duration, stop: &Stop) -> DrainReport {
    let (report, connections) = server.pass_on(drain, stop.hurried()).await;
    let count = connections.len();
    match sender.pass(connections).await {
        Ok(()) => tracing::info!("stop: {count} connections were passed on"),
        Err(error) => tracing::warn!("stop: not all of {count} connections were passed on: {error}"),
    }
    report
}

/// The last stage alone.
async fn end(tenure: &Tenure, why: &str) {
    if timeout(END, tenure.end(why)).await.is_err() {
        tracing::warn!("stop: the end could not be noted within {END:?}");
    }
}

/// Ends the tenure of a worker that can't serve, and reports why to the sessions.
pub(crate) async fn fail(tenure: &Tenure, error: &coordinator::TenureError) {
    tracing::error!(code = error.code(), "{error}");
    if timeout(END, tenure.fail(error)).await.is_err() {
        tracing::warn!("stop: the failure could not be noted within {END:?}");
    }
}

/// Ends the tenure of a worker that can't serve for a reason of its own process. Returns the
/// reason.
pub(crate) async fn abandon(tenure: &Tenure, error: ServeError) -> ServeError {
    tracing::error!(code = error.code(), "{error}");
    end(tenure, &error.to_string()).await;
    error
}
