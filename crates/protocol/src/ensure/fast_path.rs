//! Step [`Next::Probe`]: the fast path. One file for the record, one for the key, one round trip,
//! and no lock.

use super::budget::FIRST_PROBE;
use super::context::{Call, Phase};
use super::next::Next;
use super::probe::{PendingProbe, Probed, probe};
use super::reuse::{keep_unless_permitted, reuse};
use super::worker::{Outcome, Worker};
use crate::error::EnsureError;
use crate::failpoint;

/// What the first probe came to.
pub(super) enum FirstProbe<'a> {
    /// The worker, in good order.
    Found(Worker),
    /// No answer yet. The probe goes on beside the election, so that the sessions of a busy worker
    /// wait side by side and not one after the other.
    Pending(PendingProbe<'a>),
    /// No worker that this session wants.
    NotFound,
}

/// Probes the worker before anything else, and goes on to the election if that brings none.
pub(super) async fn probe_before_all<'c>(
    cx: &'c Call<'_>,
    pending: &mut Option<PendingProbe<'c>>,
) -> Result<Next, EnsureError> {
    failpoint::hit("ensure.start");
    match first_probe(cx).await? {
        FirstProbe::Found(worker) => return Ok(Next::Done(worker)),
        FirstProbe::Pending(probe) => *pending = Some(probe),
        FirstProbe::NotFound => {}
    }
    if !cx.request.may_start {
        return Ok(Next::Find);
    }
    cx.state.prepare().await?;
    Ok(Next::Elect)
}

/// Probes the worker for the first time.
pub(super) async fn first_probe<'c>(cx: &'c Call<'_>) -> Result<FirstProbe<'c>, EnsureError> {
    cx.enter(Phase::Probing);
    let mut pending: PendingProbe<'_> = Box::pin(probe(cx, cx.budget.unhurried()));
    let patience = cx.budget.inner().at_most(cx.clock(), FIRST_PROBE);
    let Ok(probed) = patience.limit(cx.clock(), &mut pending).await else {
        return Ok(FirstProbe::Pending(pending));
    };
    let found = match probed? {
        Probed::Ready(health) => Some(reuse(cx, &health, Outcome::Reused).await),
        Probed::Replaceable(health) => keep_unless_permitted(cx, &health, Outcome::Reused).await,
        _ => None,
    };
    Ok(found.map_or(FirstProbe::NotFound, FirstProbe::Found))
}
