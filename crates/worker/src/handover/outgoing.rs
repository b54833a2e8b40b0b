use std::sync::Arc;

use coordinator::{Tenure, failpoint};
use tokio::sync::Notify;

use crate::serve::House;

/// How those who answer requests tell the worker that it has agreed to hand over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed(Arc<Notify>);

impl Agreed {
    /// Tells it.
    pub(crate) fn tell(&self) {
        self.0.notify_one();
    }

    /// Waits until it is told.
    pub(crate) async fn told(&self) {
        self.0.notified().await;
    }
}

/// What came of getting ready to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// Office is to be left now: the successor waits for it.
    Leave,
    /// The successor is gone. All is as it was before.
    Stay,
}

/// All that is done for a hand-over before the point of no return: up to here the worker can go on as if nothing had been. After it, the stop goes
/// its way as ever.
pub(crate) async fn drain(tenure: &Tenure, house: &mut House) -> Drained {
    failpoint::hit("hand_over.draining");
    // Requests in flight are let end by the stop; nothing is taken from the clients before it is sure that somebody comes.
    let open = house.server.is_some();
    if tenure.successor_lives().await {
        tracing::info!("handing over (listening: {open})");
        return Drained::Leave;
    }
    tenure.keep_office().await;
    tracing::warn!("the successor is gone: this worker stays in office");
    Drained::Stay
}
