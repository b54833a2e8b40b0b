//! Step [`Next::Diagnose`]: what a tenure lock means that is held without a proof. The worker is
//! starting, leaving, busy, hung, stopped or on another machine, or the lock is leaked.

use std::time::Duration;

use super::budget::{
    INSTANT, LEAK_PATIENCE, LEAK_POLL, LONGEST_HOLDER_PROBE, POLL, SHORTEST_HOLDER_PROBE, grown,
};
use super::context::{Call, Phase};
use super::holder::{self, Holder};
use super::next::{Elected, Hung, Inquiry, Next, Origin};
use super::probe::{PendingProbe, Probed, probe};
use super::reuse::{reuse, too_new};
use super::suspicion::{self, Silence, SilentWatch, Stage, Watch};
use super::worker::{Outcome, ReplaceReason};
use crate::error::EnsureError;
use crate::failpoint;
use crate::machine::{Moment, Pid, ProcessInfo, TenureLook};
use crate::proof::Health;
use crate::record::WorkerState;
use crate::sabotage::{self, Sabotage};

/// Inspects the tenure lock until it is free, or its holder proves itself or hangs.
///
/// `pending` is a probe from before the election. It keeps its place in the queue of a slow worker,
/// while each probe that is made here goes to the end of it.
///
/// # Errors
/// What there is to tell of the holder, if the time is up or the holder may not be ended.
pub(super) async fn diagnose<'c>(
    cx: &'c Call<'_>,
    elected: Elected,
    mut inquiry: Inquiry,
    pending: &mut Option<PendingProbe<'c>>,
) -> Result<Next, EnsureError> {
    let mut none = None;
    let pending = match inquiry.origin {
        Origin::Election => pending,
        Origin::Claim(_) => &mut none,
    };
    let finding = loop {
        match inspect(cx, &mut inquiry, pending).await? {
            Inspected::Unclear => {}
            Inspected::Hung(holder, silence) => {
                return Ok(Next::Replace(elected, Hung { holder, silence, inquiry }));
            }
            Inspected::Clear(finding) => break finding,
        }
    };
    Ok(match inquiry.origin {
        Origin::Election => after_election(cx, elected, finding, inquiry.replaced).await,
        Origin::Claim(replaced) => after_claim(cx, elected, finding, replaced).await,
    })
}

/// What the tenure lock means.
enum Finding {
    /// The running worker proved itself.
    Ready(Box<Health>),
    /// The running worker proved itself, but must hand over.
    Replaceable(Box<Health>),
    /// No worker holds it.
    Vacant,
}

/// What one inspection of the tenure lock came to.
enum Inspected {
    Clear(Finding),
    /// It must be inspected again.
    Unclear,
    /// Its holder hangs.
    Hung(ProcessInfo, Silence),
}

async fn after_election(
    cx: &Call<'_>,
    elected: Elected,
    finding: Finding,
    replaced: Option<ReplaceReason>,
) -> Next {
    failpoint::hit("elect.reprobed");
    match finding {
        Finding::Ready(health) => Next::Done(reuse(cx, &health, Outcome::Waited).await),
        Finding::Replaceable(health) => Next::HandOver(elected, health),
        Finding::Vacant => {
            failpoint::hit("look.free");
            Next::Launch(elected, replaced)
        }
    }
}

/// Goes on after another session's launch has claimed the lock. This session launches nothing
/// beside it without another election. `_elected` is held until its worker is taken.
async fn after_claim(
    cx: &Call<'_>,
    _elected: Elected,
    finding: Finding,
    replaced: Option<ReplaceReason>,
) -> Next {
    let Finding::Ready(health) = finding else { return Next::Elect };
    let worker = reuse(cx, &health, Outcome::Waited).await;
    cx.state.note_upgraded(replaced.as_ref(), worker.epoch).await;
    Next::Done(worker)
}

/// Inspects the tenure lock once.
async fn inspect<'c>(
    cx: &'c Call<'_>,
    inquiry: &mut Inquiry,
    pending: &mut Option<PendingProbe<'c>>,
) -> Result<Inspected, EnsureError> {
    let tenure = holder::inspect_tenure(cx).await?;
    if tenure == TenureLook::Free {
        return inspect_free(cx).await;
    }
    let watch = cx.state.begin_watch().await;
    let probed = match probe_beside(cx, inquiry.patience, pending).await? {
        Probed::Ready(health) => return Ok(Inspected::Clear(Finding::Ready(health))),
        Probed::TooNew(health) => return Err(too_new(cx, &health).await),
        Probed::Outdated(health) | Probed::Replaceable(health) => {
            return Ok(Inspected::Clear(Finding::Replaceable(health)));
        }
        unproven => unproven,
    };
    if sabotage::on(Sabotage::HeldLockPassed) {
        // Without a pause a call that goes round and round takes no time.
        cx.clock().sleep(POLL).await;
        return Ok(Inspected::Clear(Finding::Vacant));
    }
    let holder = match holder::identify(cx, &tenure).await? {
        Holder::Known(holder) => *holder,
        Holder::Changing => return inspect_changing(cx, &probed).await,
        Holder::Leaked(pids) => return inspect_leaked(cx, inquiry, watch.from, pids).await,
    };
    inquiry.leaked_since = None;
    inspect_silent(cx, inquiry, watch, &probed, holder).await
}

/// The lock is free: vacant, unless it is reserved for a successor.
async fn inspect_free(cx: &Call<'_>) -> Result<Inspected, EnsureError> {
    let Some(successor) = cx.state.successor().await else { return Ok(Inspected::Clear(Finding::Vacant)) };
    let phase = Phase::Starting(Some(successor));
    let deadline = cx.enter(phase);
    if deadline.passed(cx.clock()) {
        return Err(phase.too_late(cx.waited()));
    }
    deadline.pause(cx.clock(), POLL).await;
    Ok(Inspected::Unclear)
}

/// The holder is changing at this moment.
async fn inspect_changing(cx: &Call<'_>, probed: &Probed) -> Result<Inspected, EnsureError> {
    cx.clock().sleep(INSTANT).await;
    if !cx.budget.inner().passed(cx.clock()) {
        return Ok(Inspected::Unclear);
    }
    Err(match probed {
        Probed::Foreign { address, what } => EnsureError::Foreign { address: *address, what: what.clone() },
        _ => cx.too_late(),
    })
}

/// The lock is held by no worker. That is leaked only if it lasts.
async fn inspect_leaked(
    cx: &Call<'_>,
    inquiry: &mut Inquiry,
    now: Moment,
    pids: Vec<Pid>,
) -> Result<Inspected, EnsureError> {
    let since = *inquiry.leaked_since.get_or_insert(now);
    let deadline = cx.budget.inner();
    if cx.clock().now().since(since) >= LEAK_PATIENCE || deadline.passed(cx.clock()) {
        return Err(EnsureError::LockLeaked { path: cx.id.state_dir.clone(), pids });
    }
    deadline.pause(cx.clock(), LEAK_POLL).await;
    Ok(Inspected::Unclear)
}

/// The lock's holder is known, and has not proved itself.
async fn inspect_silent(
    cx: &Call<'_>,
    inquiry: &mut Inquiry,
    watch: Watch,
    probed: &Probed,
    holder: ProcessInfo,
) -> Result<Inspected, EnsureError> {
    let record = cx.state.record().await;
    holder::refuse_traced(&holder)?;
    let pid = holder.identity.pid;
    // If the record is another worker's, the holder has not written its own yet.
    let of_another =
        record.is_some_and(|record| record.process != holder.identity && record.state != WorkerState::Ready);
    let stage = match probed {
        Probed::Starting { .. } => {
            cx.enter(Phase::Starting(Some(pid)));
            Stage::Starting
        }
        Probed::Leaving => {
            cx.enter(Phase::Leaving(pid));
            if of_another { Stage::Starting } else { Stage::Serving }
        }
        _ if of_another => Stage::Starting,
        _ => Stage::Serving,
    };
    let asked = match probed {
        Probed::Silent => inquiry.patience,
        // The probe took no time.
        _ => {
            let pause = inquiry.pause.draw();
            cx.budget.inner().pause(cx.clock(), pause).await;
            pause
        }
    };
    let (holder, silence) = suspect(cx, holder, SilentWatch { watch, asked, stage }).await;
    if silence.hung {
        return Ok(Inspected::Hung(holder, silence));
    }
    if cx.budget.inner().passed(cx.clock()) {
        return Err(probed.unanswered(&holder, silence, cx.waited()));
    }
    inquiry.patience = longer(inquiry.patience, silence);
    Ok(Inspected::Unclear)
}

/// Returns how long the next probe may take: longer, since a slow worker should come to answer, but
/// no longer than until the worker must be replaced.
fn longer(patience: Duration, silence: Silence) -> Duration {
    let left = silence.limit.saturating_sub(silence.silent_for).max(SHORTEST_HOLDER_PROBE);
    grown(patience).min(LONGEST_HOLDER_PROBE).min(left)
}

/// Remembers that the holder was silent during this watch, and assesses it by all that is
/// remembered.
///
/// The holder is inspected after all that is read, since this session may have been suspended, and
/// may come with an old inspection to silences that other sessions found later.
async fn suspect(cx: &Call<'_>, holder: ProcessInfo, silent: SilentWatch) -> (ProcessInfo, Silence) {
    let remembered = cx.state.remembered().await;
    let holder = holder::inspect_same(cx, &holder.identity).await.unwrap_or(holder);
    let now = cx.clock().now();
    let (silence, keep) = suspicion::assess(remembered, &holder, silent, cx.request.hang_limit, now);
    cx.state.keep(keep).await;
    (holder, silence)
}

/// Probes the worker, unless the pending probe brings a proof before that.
async fn probe_beside<'c>(
    cx: &'c Call<'_>,
    patience: Duration,
    pending: &mut Option<PendingProbe<'c>>,
) -> Result<Probed, EnsureError> {
    let Some(earlier) = pending else { return probe(cx, patience).await };
    let earlier = tokio::select! {
        biased;
        earlier = earlier => earlier?,
        probed = probe(cx, patience) => return probed,
    };
    *pending = None;
    match earlier {
        ready @ (Probed::Ready(_) | Probed::Replaceable(_)) => Ok(ready),
        // What it found is long ago.
        _ => probe(cx, patience).await,
    }
}

#[cfg(test)]
mod tests;
