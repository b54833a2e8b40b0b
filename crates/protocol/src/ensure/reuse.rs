//! Taking the worker that runs already: as it is, or in place of this session's version.

use super::context::Call;
use super::worker::{Outcome, Worker};
use crate::error::EnsureError;
use crate::proof::Health;
use crate::upgrade::{Ledger, Refusal, UpgradePolicy};

/// Takes a worker that proved itself, and voids what is suspected of it.
///
/// The worker voids that too when it is probed. But it may have been suspended between that and its
/// answer, and suspected again.
pub(super) async fn reuse(cx: &Call<'_>, health: &Health, outcome: Outcome) -> Worker {
    cx.state.void_suspicion().await;
    Worker::proven(cx.id, health, outcome)
}

/// Takes a worker of another version than this session wants, with a warning that says why.
pub(super) async fn keep(cx: &Call<'_>, health: &Health, outcome: Outcome, why: &str) -> Worker {
    let mut worker = reuse(cx, health, outcome).await;
    worker.warnings.push(not_replaced(cx, health, why));
    worker
}

/// Takes a worker of another version than this session wants, if it may not be replaced.
pub(super) async fn keep_unless_permitted(
    cx: &Call<'_>,
    health: &Health,
    outcome: Outcome,
) -> Option<Worker> {
    let refusal = permit(cx, &cx.state.ledger().await, health).err()?;
    Some(keep(cx, health, outcome, &refusal.words()).await)
}

/// Returns whether this session's version may replace the running one.
pub(super) fn permit(cx: &Call<'_>, ledger: &Ledger, health: &Health) -> Result<(), Refusal> {
    let request = cx.request;
    if request.upgrade == UpgradePolicy::Chosen {
        return Ok(());
    }
    let now = cx.clock().now();
    ledger.permits(&cx.id.version, &health.version, cx.can_use(health), now, request.upgrade_limits)
}

/// Says why the running worker is not replaced.
pub(super) fn not_replaced(cx: &Call<'_>, health: &Health, why: &str) -> String {
    let (theirs, ours) = (&health.version, &cx.id.version);
    format!("the worker in office is version {theirs}, and is not replaced by {ours}: {why}")
}

/// Returns the error for a worker whose protocols this session does not speak.
pub(super) async fn too_new(cx: &Call<'_>, health: &Health) -> EnsureError {
    let record = cx.state.record().await;
    EnsureError::TooNew {
        pid: health.pid,
        worker_version: health.version.clone(),
        worker_protocol: health.protocol,
        worker_program: record.map(|record| record.program).unwrap_or_default(),
        version: cx.id.version.clone(),
        protocol: cx.id.protocol,
        program: cx.request.launch.program.clone(),
    }
}
