//! Step [`Next::Replace`]: ending a worker that hangs, and no other process. What is waited for is
//! the tenure lock, never a pid.

use std::time::Duration;

use super::budget::{INSTANT, KILL_PATIENCE, TERMINATE_PATIENCE};
use super::context::{Call, Phase};
use super::holder;
use super::next::{Elected, Hung, Next};
use super::suspicion::Silence;
use super::worker::ReplaceReason;
use crate::deadline::Deadline;
use crate::error::EnsureError;
use crate::machine::{Activity, ProcessIdentity, ProcessInfo, Signal, TenureLook};

/// Ends the holder of the tenure lock, and goes on with the diagnosis: asks, waits, kills, and
/// waits for the lock. A worker that came to life meanwhile is left alone.
pub(super) async fn replace(cx: &Call<'_>, elected: Elected, hung: Hung) -> Result<Next, EnsureError> {
    let Hung { holder, silence, mut inquiry } = hung;
    if !came_to_life(cx, &holder, &silence).await? {
        let why = end(cx, &holder, silence.silent_for).await?;
        cx.state.note_replaced(holder.identity.pid, &why).await;
        inquiry.replaced = Some(why);
    }
    Ok(Next::Diagnose(elected, inquiry))
}

/// Returns whether the holder goes on, or proved itself to any session, since it was found to hang.
async fn came_to_life(cx: &Call<'_>, holder: &ProcessInfo, silence: &Silence) -> Result<bool, EnsureError> {
    let now = inspect_again(cx, &holder.identity).await?;
    let goes_on =
        holder.activity == Activity::Stopped && now.is_some_and(|now| now.activity != Activity::Stopped);
    Ok(goes_on || !cx.state.is_still_suspected(silence).await)
}

/// Ends the holder, and waits until it no longer holds the lock.
async fn end(
    cx: &Call<'_>,
    holder: &ProcessInfo,
    silent_for: Duration,
) -> Result<ReplaceReason, EnsureError> {
    let deadline = cx.enter(Phase::Replacing);
    let (target, pid) = (&holder.identity, holder.identity.pid);
    // A stopped process would have to be continued to obey SIGTERM. It would then go on with what
    // it was writing.
    let why = if holder.activity == Activity::Stopped {
        ReplaceReason::Stopped { pid, silent_for }
    } else {
        let why = ReplaceReason::Hung { pid, silent_for };
        holder::signal(cx, target, Signal::Terminate).await?;
        if is_vacated(cx, target, deadline.at_most(cx.clock(), TERMINATE_PATIENCE)).await? {
            return Ok(why);
        }
        inspect_again(cx, target).await?;
        why
    };
    holder::signal(cx, target, Signal::Kill).await?;
    while !is_vacated(cx, target, deadline.at_most(cx.clock(), KILL_PATIENCE)).await? {
        deadline.check(cx.clock()).map_err(|late| cx.timed_out(late))?;
        check_dying(cx, target).await?;
    }
    Ok(why)
}

/// Inspects the process right before a signal, since a debugger may have been attached meanwhile.
async fn inspect_again(cx: &Call<'_>, target: &ProcessIdentity) -> Result<Option<ProcessInfo>, EnsureError> {
    let now = holder::inspect_same(cx, target).await;
    now.as_ref().map_or(Ok(()), holder::refuse_traced)?;
    Ok(now)
}

/// Fails unless a killed process is only waiting for a loaded machine to end it.
async fn check_dying(cx: &Call<'_>, target: &ProcessIdentity) -> Result<(), EnsureError> {
    let info = cx.machine.processes.look(target.pid).await.ok().flatten();
    match info.map_or(Activity::Zombie, |info| info.activity) {
        Activity::Alive => Ok(()),
        activity => Err(EnsureError::Unkillable {
            pid: target.pid,
            activity,
            why: format!("it still held the lock {KILL_PATIENCE:?} after SIGKILL"),
        }),
    }
}

/// Waits until this process no longer holds the tenure lock. Returns whether it let go before
/// `limit`.
async fn is_vacated(cx: &Call<'_>, holder: &ProcessIdentity, limit: Deadline) -> Result<bool, EnsureError> {
    loop {
        match holder::inspect_tenure(cx).await? {
            TenureLook::Free => return Ok(true),
            TenureLook::Held { by } if by != Some(holder.pid) => return Ok(true),
            _ if limit.passed(cx.clock()) => return Ok(false),
            _ => limit.pause(cx.clock(), INSTANT).await,
        }
    }
}
