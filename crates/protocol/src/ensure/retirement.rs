//! Step [`Next::Retire`]: a worker that does not hand over is told to stop, and this session's
//! version is launched after it.

use super::budget::{LONGEST_HOLDER_PROBE, POLL};
use super::context::{Call, Phase};
use super::holder;
use super::next::{Elected, Next, Retirement};
use super::probe::{Probed, probe};
use super::worker::ReplaceReason;
use crate::error::EnsureError;
use crate::failpoint;
use crate::machine::TenureLook;
use crate::proof::Health;

/// Tells the worker to stop, and goes on with a launch once it is gone. Goes back to the election
/// if it is no longer the running worker, or can't be asked just now.
pub(super) async fn retire(
    cx: &Call<'_>,
    elected: Elected,
    retirement: Retirement,
) -> Result<Next, EnsureError> {
    let Retirement { health, mut ledger } = retirement;
    match tell_to_stop(cx, &health).await? {
        Some(why) => Ok(Next::Launch(elected, Some(why))),
        None => {
            ledger.gave_up(&cx.id.version);
            let _ = cx.state.write_ledger(&mut ledger).await;
            Ok(Next::Elect)
        }
    }
}

/// Asks the worker to leave, and waits until it no longer holds the lock.
async fn tell_to_stop(cx: &Call<'_>, health: &Health) -> Result<Option<ReplaceReason>, EnsureError> {
    let deadline = cx.enter(Phase::Leaving(health.pid));
    failpoint::hit("retire.before");
    // First the token, then another proof of this epoch. So the token is not that of a later
    // worker, which would be told to stop in place of this one.
    let token = cx.state.token().await;
    let then = holder::inspect_tenure(cx).await?;
    match probe(cx, LONGEST_HOLDER_PROBE).await? {
        Probed::Outdated(now) | Probed::Replaceable(now) if now.epoch == health.epoch => {}
        _ => return Ok(None),
    }
    let request = cx.machine.network.request_stop(health.address, &token, "a session needs another version");
    // The lock tells whether it obeyed, and otherwise the deadline does.
    let _ = deadline.limit(cx.clock(), request).await;
    failpoint::hit("retire.asked");
    while !is_gone(cx, &then).await? {
        if deadline.passed(cx.clock()) {
            return Err(EnsureError::Leaving { pid: health.pid, waited: cx.waited() });
        }
        deadline.pause(cx.clock(), POLL).await;
    }
    let why = reason(cx, health);
    cx.state.note_replaced(health.pid, &why).await;
    Ok(Some(why))
}

/// Returns whether the lock is free, or another process holds it already.
async fn is_gone(cx: &Call<'_>, then: &TenureLook) -> Result<bool, EnsureError> {
    Ok(match (holder::inspect_tenure(cx).await?, then) {
        (TenureLook::Free, _) => true,
        (TenureLook::Held { by: Some(now) }, TenureLook::Held { by: Some(then) }) => now != *then,
        _ => false,
    })
}

fn reason(cx: &Call<'_>, health: &Health) -> ReplaceReason {
    let (pid, version) = (health.pid, health.version.clone());
    if cx.can_use(health) {
        ReplaceReason::Retired { pid, version }
    } else {
        ReplaceReason::Outdated { pid, version }
    }
}
