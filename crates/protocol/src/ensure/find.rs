//! Step [`Next::Find`]: a session that may not start a worker waits for one that is there.

use super::budget::{LONGEST_HOLDER_PROBE, POLL};
use super::context::{Call, Phase};
use super::holder::{self, Holder};
use super::next::Next;
use super::probe::{Probed, probe};
use super::reuse::{reuse, too_new};
use super::suspicion::Silence;
use super::worker::Outcome;
use crate::deadline::TimedOut;
use crate::error::EnsureError;
use crate::machine::TenureLook;

/// Probes the worker until it proves itself, or no worker holds the tenure lock.
pub(super) async fn find(cx: &Call<'_>) -> Result<Next, EnsureError> {
    let deadline = cx.enter(Phase::Probing);
    loop {
        let tenure = holder::inspect_tenure(cx).await?;
        if tenure == TenureLook::Free {
            return Err(EnsureError::NotRunning);
        }
        let probed = probe(cx, LONGEST_HOLDER_PROBE).await?;
        match &probed {
            Probed::Ready(health) => {
                return Ok(Next::Done(reuse(cx, health, Outcome::Waited).await));
            }
            Probed::TooNew(health) | Probed::Outdated(health) => return Err(too_new(cx, health).await),
            _ => {}
        }
        if let Err(late) = deadline.check(cx.clock()) {
            return Err(not_found(cx, &tenure, &probed, late).await);
        }
        deadline.pause(cx.clock(), POLL).await;
    }
}

/// Returns the error of a session that waited in vain.
async fn not_found(cx: &Call<'_>, tenure: &TenureLook, probed: &Probed, late: TimedOut) -> EnsureError {
    let holder = match holder::identify(cx, tenure).await {
        Ok(Holder::Known(holder)) => holder,
        Ok(Holder::Changing) => return cx.timed_out(late),
        Ok(Holder::Leaked(pids)) => {
            return EnsureError::LockLeaked { path: cx.id.state_dir.clone(), pids };
        }
        Err(error) => return error,
    };
    let silence = Silence {
        since: cx.budget.begun,
        silent_for: cx.waited(),
        limit: cx.request.hang_limit,
        busy: false,
        hung: false,
    };
    probed.unanswered(&holder, silence, cx.waited())
}
