//! A version that fails again and again after it has replaced another: what served before is started in its place.

use super::Call;
use crate::error::EnsureError;
use crate::machine::LaunchError;
use crate::record::{LaunchNote, LaunchOutcome, WorkerState};
use crate::spec::WorkerSpec;
use crate::upgrade::{Ledger, Refusal};

/// What a vacant office is to be filled with.
pub(super) struct Choice {
    /// What is launched.
    pub(super) spec: WorkerSpec,
    /// Why it is not this session's version, if it is not.
    pub(super) instead: Option<String>,
    ledger: Ledger,
    bad: Option<Refusal>,
}

impl Call<'_> {
    /// Notes how the last tenure has ended, if that was on probation, and chooses what is to be launched.
    ///
    /// # Errors
    /// [`EnsureError::CoolingDown`] if this session's version is bad and nothing is known that served before.
    pub(super) async fn choose(&self) -> Result<Choice, EnsureError> {
        let mut ledger = self.read_ledger().await;
        let (now, limits) = (self.clock().now(), self.spec.upgrade_limits);
        if !ledger.is_empty()
            && let Some(record) = self.read_record().await
            && let Some(epoch) = record.epoch
            && ledger.ended(epoch, record.state == WorkerState::Stopped, now, limits)
        {
            // If it can't be written, the next one to find the office vacant does.
            let _ = self.write_ledger(&mut ledger).await;
        }
        if self.spec.chosen {
            ledger.choose(&self.spec.version, now);
            // If it can't be written, other sessions do as they would have.
            let _ = self.write_ledger(&mut ledger).await;
        }
        let Some(bad) = ledger.is_bad(&self.spec.version, now, limits) else {
            return Ok(Choice { spec: self.spec.clone(), instead: None, ledger, bad: None });
        };
        let Some(good) = ledger.last_good(&self.spec.version) else {
            return Err(self.held_back(&bad, "and nothing is known that served before"));
        };
        let instead = format!(
            "version {} is not started, but {} ({}): {}",
            self.spec.version,
            good.version,
            good.program.display(),
            bad.words()
        );
        let spec = self.spec.launching(good.command(&self.spec.launch));
        Ok(Choice { spec, instead: Some(instead), ledger, bad: Some(bad) })
    }

    /// Why this session's version is bad, in words, if it is known to be.
    pub(super) async fn bad_version(&self) -> Option<String> {
        let ledger = self.read_ledger().await;
        let bad = ledger.is_bad(&self.spec.version, self.clock().now(), self.spec.upgrade_limits)?;
        Some(bad.words())
    }

    /// What a launch that came to nothing is to this session: one of the last good program that is gone is a matter of the bad version.
    pub(super) fn no_launch_of(&self, choice: &Choice, error: LaunchError) -> EnsureError {
        match (&choice.bad, &error) {
            (Some(bad), LaunchError::Program { .. }) => {
                self.held_back(bad, &format!("and what served before is gone: {error}"))
            }
            _ => self.cannot_launch(error),
        }
    }

    /// Notes how the launch of a version went that is yet to prove itself.
    pub(super) async fn tried(&self, choice: &mut Choice, note: &LaunchNote) {
        if choice.bad.is_some() || !choice.ledger.is_tried(&self.spec.version) {
            return;
        }
        match note.outcome {
            Some(LaunchOutcome::Ready { epoch, at }) => {
                choice.ledger.tried_again(&self.spec.version, epoch, at);
            }
            Some(LaunchOutcome::Failed) => {
                let [why, log_tail] =
                    [&note.last_error, &note.log_tail].map(|text| text.as_deref().unwrap_or_default());
                choice.ledger.failed(&self.spec.version, why, log_tail);
            }
            _ => return,
        }
        let _ = self.write_ledger(&mut choice.ledger).await;
    }

    fn held_back(&self, bad: &Refusal, more: &str) -> EnsureError {
        let (attempts, log_tail) = match bad {
            Refusal::Bad { failures, log_tail, .. } => (*failures, log_tail.clone()),
            _ => (0, String::new()),
        };
        EnsureError::CoolingDown {
            retry_in: bad.retry_in(),
            attempts,
            last_error: format!("version {} is bad: {}, {more}", self.spec.version, bad.words()),
            log_tail,
        }
    }
}
