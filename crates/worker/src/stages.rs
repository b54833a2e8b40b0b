//! The stop: stages with a budget each.
//!
//! A stop with one budget for all spends it in the first stage, and the rest never happens; a stop with none never ends. Here every stage
//! has its own, says in the log how it went, and leaves the next one its time. The watchdog holds the sum, and ends the process if that is
//! exceeded all the same: never half-alive.

use std::time::Duration;

use coordinator::Tenure;
use tokio::time::{Instant, timeout};

use crate::handover::Outgoing;
use crate::serve::House;
use crate::server::{Drained, Server};
use crate::stop::{Stop, StopReason};

/// To say that the tenure is about to end.
const LEAVING: Duration = Duration::from_secs(1);
/// To write what waits, and to close the database.
const CLOSE: Duration = Duration::from_secs(2);
/// To note the end, and to remove the secrets.
const END: Duration = Duration::from_secs(1);
/// For what lies between the stages, on a loaded machine.
const SLACK: Duration = Duration::from_secs(2);

/// The longest that a stop with this drain, that of children included, may take.
pub(crate) fn budget(drain: Duration) -> Duration {
    LEAVING.saturating_add(drain).saturating_add(CLOSE).saturating_add(END).saturating_add(SLACK)
}

/// Goes through the stages. The lock goes when the tenure is dropped, after this.
pub(crate) async fn leave(
    tenure: &Tenure,
    mut house: House,
    stop: &Stop,
    reason: &StopReason,
    drain: Duration,
) {
    let begun = Instant::now();
    tracing::info!(epoch = tenure.epoch().0, "stopping ({reason})");

    if timeout(LEAVING, tenure.leaving()).await.is_err() {
        tracing::warn!("stop: the record could not be marked within {LEAVING:?}");
    }
    if let Some(server) = house.server {
        let drained = match house.outgoing.take() {
            Some(outgoing) if matches!(reason, StopReason::HandedOver { .. }) => {
                pass_on(server, outgoing, drain, stop).await
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
    house.children.stop(stop.hurried()).await;
    if let Some(store) = house.store
        && timeout(CLOSE, store.close()).await.is_err()
    {
        tracing::warn!("stop: the database could not be closed within {CLOSE:?}");
    }
    end(tenure, &reason.to_string()).await;
    tracing::info!("stopped after {:.1?}", begun.elapsed());
}

/// Stops serving, and gives the successor the connections that it can go on with.
async fn pass_on(server: Server, outgoing: Outgoing, drain: Duration, stop: &Stop) -> Drained {
    let (drained, connections) = server.pass_on(drain, stop.hurried()).await;
    let count = connections.len();
    match outgoing.pass(connections).await {
        Ok(()) => tracing::info!("stop: {count} connections were passed on"),
        Err(error) => tracing::warn!("stop: not all of {count} connections were passed on: {error}"),
    }
    drained
}

/// The last stage alone, for a worker that has not served yet.
pub(crate) async fn end(tenure: &Tenure, why: &str) {
    if timeout(END, tenure.end(why)).await.is_err() {
        tracing::warn!("stop: the end could not be noted within {END:?}");
    }
}

/// The last stage of a worker that can't serve.
pub(crate) async fn fail(tenure: &Tenure, error: &coordinator::TenureError) {
    tracing::error!(code = error.code(), "{error}");
    if timeout(END, tenure.fail(error)).await.is_err() {
        tracing::warn!("stop: the failure could not be noted within {END:?}");
    }
}
