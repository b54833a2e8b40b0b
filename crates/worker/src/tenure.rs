//! One tenure, from the claim to the end.
//!
//! The order matters. A worker that binds, opens or writes anything before it knows that it is the
//! only one harms the one that is. So the claim comes first, and a loser returns before it has
//! touched log, port, database or record.

use std::net::TcpListener;
use std::sync::Arc;

use coordinator::fence::Databases;
use coordinator::machine::ProcessIdentity;
use coordinator::{EnsureRequest, Takeover, Tenure, TenureError};

use crate::claim::{ClaimOutcome, claim};
use crate::context::{TenureContext, WorkerContext};
use crate::error::ServeError;
use crate::handover::{self, HandoverDecision};
use crate::resources::Resources;
use crate::served::Served;
use crate::server::HandoverSignal;
use crate::startup::{self, OfferedSockets};
use crate::stop::{Stop, StopReason};
use crate::upkeep::PeriodicChecks;
use crate::watchdog::Watchdog;
use crate::{log, stages};

/// What comes after a tenure.
pub(crate) enum TenureEnd {
    /// Nothing.
    Over(Served),
    /// The tenure of this successor, if it comes to serve.
    HandedOver(Served, ProcessIdentity),
}

/// A tenure that was won, with everything that belongs to it. The fields are dropped in this order.
struct ActiveTenure<'a> {
    resources: Resources,
    checks: PeriodicChecks,
    watchdog: Watchdog,
    context: TenureContext<'a>,
}

/// Claims the tenure, serves until there is a reason to stop, and ends it.
pub(crate) async fn hold_tenure(
    worker: &WorkerContext<'_>,
    opened: Option<TcpListener>,
    stop: &Stop,
) -> Result<TenureEnd, ServeError> {
    let predecessor = worker.options.predecessor;
    let receiver = predecessor.and_then(|from| handover::receive_from(worker.id.state_dir(), from.pid));
    let tenure = match claim_tenure(worker, stop).await? {
        ClaimOutcome::Won(tenure) => Arc::from(tenure),
        ClaimOutcome::Lost(holder) => return Ok(TenureEnd::Over(Served::Lost(holder))),
        ClaimOutcome::Stopped(why) => return Ok(TenureEnd::Over(Served::Ended { why })),
    };
    let context = TenureContext { worker, tenure, stop: stop.clone(), handover: HandoverSignal::default() };
    let mut active = ActiveTenure::begin(context).await?;
    if let Err(error) = active.start(OfferedSockets { receiver, opened }).await {
        return Err(active.fail(error).await);
    }
    let why = active.until_stop().await;
    Ok(active.end(why).await)
}

async fn claim_tenure(worker: &WorkerContext<'_>, stop: &Stop) -> Result<ClaimOutcome, TenureError> {
    let databases = Databases(vec![worker.store_config().path]);
    // The predecessor's settings are most likely those of this worker.
    let patience = stages::stop_budget(&worker.options);
    let predecessor = worker.options.predecessor;
    let takeover = predecessor.map(|predecessor| Takeover::new(predecessor, patience));
    claim(worker, &databases, takeover, stop).await
}

impl<'a> ActiveTenure<'a> {
    /// Starts the watchdog and the periodic checks.
    async fn begin(context: TenureContext<'a>) -> Result<Self, ServeError> {
        let TenureContext { worker, tenure, .. } = &context;
        oneworker_supervisor::outlive_guardian();
        tracing::info!(
            epoch = tenure.epoch().0,
            pid = std::process::id(),
            version = %worker.id.version(),
            "in office for {:?}",
            worker.id.name().as_str()
        );
        let limit = worker.options.watchdog.unwrap_or(EnsureRequest::DEFAULT_HANG_LIMIT);
        let watchdog = match Watchdog::start(worker.machine.clock.clone(), limit, worker.manager.pulse()) {
            Ok(watchdog) => watchdog,
            Err(error) => return Err(stages::abandon(tenure, ServeError::Watchdog(error)).await),
        };
        let rotation = match worker.options.foreground {
            true => None,
            false => log::rotation(&worker.id.log_file(), worker.log_limits()),
        };
        let checks = PeriodicChecks::start(&context, watchdog.pulse(), rotation);
        Ok(Self { resources: Resources::new(&context), checks, watchdog, context })
    }

    /// Starts to serve, unless a stop begins first.
    async fn start(&mut self, sockets: OfferedSockets) -> Result<(), ServeError> {
        let TenureContext { worker, tenure, stop, .. } = &self.context;
        let address = tokio::select! {
            biased;
            _ = stop.begun() => return Ok(()),
            started = startup::start(&self.context, sockets, &mut self.resources) => started?,
        };
        tracing::info!("ready at http://{address}");
        worker.manager.ready(&format!("serving at http://{address}, epoch {}", tenure.epoch()));
        Ok(())
    }

    /// Waits for a reason to stop. One of them is that this worker has handed over.
    async fn until_stop(&mut self) -> StopReason {
        let TenureContext { worker, tenure, stop, handover } = &self.context;
        let Resources { server, supervisor, sender, .. } = &mut self.resources;
        // The other half is for the drain after the handover.
        let half = worker.options.drain / 2;
        let handing_over = async {
            loop {
                handover.raised().await;
                let decision = handover::drain(tenure, server.as_ref(), supervisor, half).await;
                if let HandoverDecision::Leave(opened) = decision
                    && let Some(successor) = tenure.successor().await
                {
                    *sender = opened;
                    stop.begin(StopReason::HandedOver { to: successor.pid.0 });
                }
            }
        };
        tokio::select! {
            biased;
            _ = stop.begun() => {}
            never = handing_over => match never {}
        }
        let why = stop.begun().await;
        if !matches!(why, StopReason::HandedOver { .. }) {
            // A client that stops this worker does not want another one in its place.
            tenure.keep_office().await;
        }
        why
    }

    /// Stops serving, and ends the tenure.
    async fn end(self, why: StopReason) -> TenureEnd {
        let Self { resources, checks, watchdog, context } = self;
        let options = &context.worker.options;
        let handed_over = matches!(why, StopReason::HandedOver { .. });
        let drain = if handed_over { options.drain / 2 } else { options.drain };
        let budget = stages::stop_budget(options);
        watchdog.stopping(budget);
        context.worker.manager.stopping(&format!("stopping ({why})"), budget);
        checks.end().await;
        stages::leave(&context, resources, &why, drain).await;
        let successor = if handed_over { context.tenure.successor().await } else { None };
        let served = Served::Ended { why };
        match successor {
            Some(successor) if release(context.tenure).await => TenureEnd::HandedOver(served, successor),
            _ => TenureEnd::Over(served),
        }
    }

    /// Ends a tenure that can't serve. Returns the reason.
    async fn fail(self, error: ServeError) -> ServeError {
        let TenureContext { worker, tenure, stop, .. } = &self.context;
        self.watchdog.stopping(stages::budget(worker.options.children.stop_budget()));
        let error = match error {
            ServeError::Tenure(error) => {
                stages::fail(tenure, &error).await;
                error.into()
            }
            error => stages::abandon(tenure, error).await,
        };
        self.resources.supervisor.stop(stop.hurried()).await;
        error
    }
}

/// Drops the tenure, and with it the lock. Returns whether it was the last reference. If another
/// task still has one, such as a connection that was cut off, the lock is released with the
/// process.
async fn release(tenure: Arc<Tenure>) -> bool {
    // An aborted task releases the tenure when the event loop drops it.
    for _ in 0..10 {
        if Arc::strong_count(&tenure) == 1 {
            break;
        }
        tokio::task::yield_now().await;
    }
    Arc::into_inner(tenure).is_some()
}
