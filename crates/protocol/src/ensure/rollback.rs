//! Which program a vacant tenure is filled with: this session's, or, if its version failed again
//! and again after it replaced another, the one that served before.

use super::context::Call;
use crate::error::EnsureError;
use crate::machine::LaunchError;
use crate::record::{LaunchNote, LaunchOutcome, WorkerState};
use crate::request::EnsureRequest;
use crate::upgrade::{Ledger, Refusal, UpgradePolicy};

/// What is launched.
pub(super) struct Choice {
    /// The request to launch.
    pub(super) request: EnsureRequest,
    /// Why it is not this session's version, if it is not.
    pub(super) instead: Option<String>,
    ledger: Ledger,
    bad: Option<Refusal>,
}

/// Notes how the last tenure ended, if it was on probation, and chooses what to launch.
///
/// # Errors
/// [`EnsureError::CoolingDown`] if this session's version is bad and no earlier program is known.
pub(super) async fn choose(cx: &Call<'_>) -> Result<Choice, EnsureError> {
    let request = cx.request;
    let mut ledger = cx.state.ledger().await;
    let (now, limits) = (cx.clock().now(), request.upgrade_limits);
    if !ledger.is_empty()
        && let Some(record) = cx.state.record().await
        && let Some(epoch) = record.epoch
        && ledger.ended(epoch, record.state == WorkerState::Stopped, now, limits)
    {
        let _ = cx.state.write_ledger(&mut ledger).await;
    }
    if request.upgrade == UpgradePolicy::Chosen {
        ledger.choose(&cx.id.version, now);
        // If it can't be written, other sessions act as they would have.
        let _ = cx.state.write_ledger(&mut ledger).await;
    }
    let Some(bad) = ledger.is_bad(&cx.id.version, now, limits) else {
        return Ok(Choice { request: request.clone(), instead: None, ledger, bad: None });
    };
    let Some(good) = ledger.last_good(&cx.id.version) else {
        return Err(held_back(cx, &bad, "and nothing is known that served before"));
    };
    let instead = format!(
        "version {} is not started, but {} ({}): {}",
        cx.id.version,
        good.version,
        good.program.display(),
        bad.words()
    );
    let request = request.launching(good.command(&request.launch));
    Ok(Choice { request, instead: Some(instead), ledger, bad: Some(bad) })
}

/// Says why this session's version is bad, if it is known to be.
pub(super) async fn bad_version(cx: &Call<'_>) -> Option<String> {
    let ledger = cx.state.ledger().await;
    let bad = ledger.is_bad(&cx.id.version, cx.clock().now(), cx.request.upgrade_limits)?;
    Some(bad.words())
}

impl Choice {
    /// Returns the error of a launch that started no process. If the last good program is gone, the
    /// bad version is what holds launches back.
    pub(super) fn launch_error(&self, cx: &Call<'_>, error: LaunchError) -> EnsureError {
        match (&self.bad, &error) {
            (Some(bad), LaunchError::Program { .. }) => {
                held_back(cx, bad, &format!("and what served before is gone: {error}"))
            }
            _ => cx.launch_error(error),
        }
    }

    /// Notes how the launch of a version went that is on probation.
    pub(super) async fn note_outcome(&mut self, cx: &Call<'_>, note: &LaunchNote) {
        let version = &cx.id.version;
        if self.bad.is_some() || !self.ledger.is_tried(version) {
            return;
        }
        match note.outcome {
            Some(LaunchOutcome::Ready { epoch, at }) => self.ledger.tried_again(version, epoch, at),
            Some(LaunchOutcome::Failed) => {
                let [why, log_tail] =
                    [&note.last_error, &note.log_tail].map(|text| text.as_deref().unwrap_or_default());
                self.ledger.failed(version, why, log_tail);
            }
            _ => return,
        }
        let _ = cx.state.write_ledger(&mut self.ledger).await;
    }
}

fn held_back(cx: &Call<'_>, bad: &Refusal, more: &str) -> EnsureError {
    let (attempts, log_tail) = bad.failures();
    EnsureError::CoolingDown {
        retry_in: bad.retry_in(),
        attempts,
        last_error: format!("version {} is bad: {}, {more}", cx.id.version, bad.words()),
        log_tail,
    }
}
