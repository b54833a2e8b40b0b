//! Step [`Next::Await`]: another session launched a worker that has not claimed the tenure lock
//! yet.

use super::backoff;
use super::budget::{LENIENCE, POLL};
use super::context::{Call, Phase};
use super::holder;
use super::next::{Claim, Elected, Inquiry, Next, Origin};
use crate::error::EnsureError;
use crate::machine::{Activity, ProcessInfo, Signal, TenureLook};
use crate::record::{LaunchNote, LaunchOutcome};

/// Waits until the launched worker holds the lock, and goes on with a diagnosis. Goes back to the
/// election if it ended. A worker that does not claim the lock in time is ended: pid, start time
/// and boot prove that it is ours.
pub(super) async fn await_claim(cx: &Call<'_>, elected: Elected, claim: Claim) -> Result<Next, EnsureError> {
    let phase = Phase::Starting(Some(claim.process.pid));
    let deadline = cx.enter(phase);
    loop {
        if holder::inspect_tenure(cx).await? != TenureLook::Free {
            let inquiry = Inquiry::begin(cx, Origin::Claim(claim.replaced));
            return Ok(Next::Diagnose(elected, inquiry));
        }
        let Some(info) = holder::inspect_living(cx, &claim.process).await else { return Ok(Next::Elect) };
        if is_overdue(cx, &claim.note, &info) {
            end(cx, &claim.note, &info).await?;
            return Ok(Next::Elect);
        }
        if deadline.passed(cx.clock()) {
            return Err(phase.too_late(cx.waited()));
        }
        deadline.pause(cx.clock(), POLL).await;
    }
}

/// Returns whether the worker has had its time. On a loaded machine it may need long until its
/// first instruction. A stopped worker never gets there.
fn is_overdue(cx: &Call<'_>, note: &LaunchNote, info: &ProcessInfo) -> bool {
    let limit = match info.activity {
        Activity::Stopped => cx.request.hang_limit,
        _ => cx.request.hang_limit * LENIENCE,
    };
    cx.clock().now().since(note.at) >= limit
}

/// Ends the worker, and notes its launch as failed.
async fn end(cx: &Call<'_>, note: &LaunchNote, info: &ProcessInfo) -> Result<(), EnsureError> {
    holder::refuse_traced(info)?;
    // If it may not be signalled, another worker can be launched all the same: only one gets the
    // lock.
    let _ = holder::signal(cx, &info.identity, Signal::Kill).await;
    let failed = LaunchNote { outcome: Some(LaunchOutcome::Failed), ..note.clone() };
    backoff::conclude_failure(cx, failed, "the worker was launched, but never took office", "").await;
    Ok(())
}
