//! Step [`Next::Elect`]: one session goes on, the others wait for what it brings about.

use std::time::Duration;

use super::budget::{FIRST_PROBE, GrowingPause};
use super::context::{Call, Phase};
use super::next::{Elected, Inquiry, Next, Origin};
use super::probe::{PendingProbe, Probed, probe};
use super::reuse::{keep, keep_unless_permitted, reuse};
use super::worker::{Outcome, Worker};
use crate::error::EnsureError;
use crate::failpoint;
use crate::upgrade::UpgradePolicy;

/// Tries to be elected, and watches the record meanwhile. `pending` is a probe that is still under
/// way; it is left for the diagnosis.
///
/// Never blocks in a lock call, which has no time-out: tries with jitter until the deadline.
pub(super) async fn elect<'c>(
    cx: &'c Call<'_>,
    pending: &mut Option<PendingProbe<'c>>,
) -> Result<Next, EnsureError> {
    // The pending probe was made of this record. It need not be probed again while that is under
    // way.
    let mut known = match &pending {
        Some(_) => cx.state.record_stamp().await,
        None => None,
    };
    let mut pause = GrowingPause::ELECTION;
    let mut may_settle = cx.request.upgrade != UpgradePolicy::Reuse;
    loop {
        if let Some(elected) = try_elect(cx).await? {
            return Ok(won(cx, elected));
        }
        let stamp = cx.state.record_stamp().await;
        if stamp.is_none() {
            cx.enter(Phase::Electing);
        } else if stamp != known {
            known = stamp;
            if let Some(worker) = probe_changed(cx).await? {
                return Ok(Next::Done(worker));
            }
        }
        if cx.budget.inner().passed(cx.clock()) {
            return Err(cx.too_late());
        }
        if may_settle && cx.budget.settle().passed(cx.clock()) {
            may_settle = false;
            if let Some(worker) = settle(cx).await? {
                return Ok(Next::Done(worker));
            }
        }
        match nap(cx, pause.draw(), pending).await? {
            Nap::Over => {}
            Nap::Probed(Probed::Ready(health)) => {
                return Ok(Next::Done(reuse(cx, &health, Outcome::Waited).await));
            }
            Nap::Probed(_) => known = None,
        }
    }
}

/// Tries each rank that this session may try by now.
async fn try_elect(cx: &Call<'_>) -> Result<Option<Elected>, EnsureError> {
    for rank in 0..=cx.budget.rank(cx.waited()) {
        let tried = cx.machine.locks.try_elect(&cx.id.state_dir, rank).await;
        if let Some(elected) = tried.map_err(|source| cx.lock_error(source))? {
            return Ok(Some(elected));
        }
    }
    Ok(None)
}

/// Goes on as the elected: the tenure lock decides, and its holder is probed again, since much may
/// have happened.
fn won(cx: &Call<'_>, elected: Elected) -> Next {
    failpoint::hit("elect.won");
    Next::Diagnose(elected, Inquiry::begin(cx, Origin::Election))
}

/// Probes a worker whose record has changed. Returns it if this session can have it.
async fn probe_changed(cx: &Call<'_>) -> Result<Option<Worker>, EnsureError> {
    match probe(cx, FIRST_PROBE).await? {
        Probed::Ready(health) => return Ok(Some(reuse(cx, &health, Outcome::Waited).await)),
        Probed::Replaceable(health) => {
            if let Some(worker) = keep_unless_permitted(cx, &health, Outcome::Waited).await {
                return Ok(Some(worker));
            }
            cx.enter(Phase::Electing)
        }
        Probed::Starting { pid, .. } => cx.enter(Phase::Starting(Some(pid))),
        _ => cx.enter(Phase::Electing),
    };
    Ok(None)
}

/// Takes the running worker before the time is up, if this session only wants another version.
async fn settle(cx: &Call<'_>) -> Result<Option<Worker>, EnsureError> {
    match probe(cx, FIRST_PROBE).await? {
        Probed::Replaceable(health) => {
            let why = "another session has been at work for long";
            Ok(Some(keep(cx, &health, Outcome::Waited, why).await))
        }
        _ => Ok(None),
    }
}

/// How a nap ended.
enum Nap {
    /// The time passed.
    Over,
    /// The pending probe was answered.
    Probed(Probed),
}

/// Sleeps for `pause`, give or take half of it, unless the pending probe is answered before that.
async fn nap<'c>(
    cx: &'c Call<'_>,
    pause: Duration,
    pending: &mut Option<PendingProbe<'c>>,
) -> Result<Nap, EnsureError> {
    let jittered = pause / 2 + pause.mul_f64((cx.clock().random() % 1024) as f64 / 1024.0);
    let nap = cx.budget.inner().pause(cx.clock(), jittered);
    let Some(probe) = pending else {
        nap.await;
        return Ok(Nap::Over);
    };
    let probed = tokio::select! {
        biased;
        probed = probe => probed,
        () = nap => return Ok(Nap::Over),
    };
    *pending = None;
    probed.map(Nap::Probed)
}
