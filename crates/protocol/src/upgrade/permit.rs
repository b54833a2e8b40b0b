//! Whether a version may replace another, by what the ledger knows.

use semver::Version;

use super::ledger::{Candidate, DAY, HOUR, Ledger, MOST_BEGUN, same};
use super::policy::UpgradeLimits;
use super::refusal::Refusal;
use crate::machine::Moment;

impl Ledger {
    /// Why this version is bad, if it is.
    pub(crate) fn is_bad(&self, version: &Version, now: Moment, limits: UpgradeLimits) -> Option<Refusal> {
        let known = self.find(version).filter(|known| known.failures > limits.failures)?;
        Some(Refusal::Bad {
            failures: known.failures,
            why: known.last_error.clone().unwrap_or_default(),
            log_tail: known.log_tail.clone().unwrap_or_default(),
            retry_in: DAY.saturating_sub(now.since(known.at)),
        })
    }

    /// Whether `to` may replace `from`. If the session could use the one in office as well, once a day.
    pub(crate) fn permits(
        &self,
        to: &Version,
        from: &Version,
        compatible: bool,
        now: Moment,
        limits: UpgradeLimits,
    ) -> Result<(), Refusal> {
        if let Some(bad) = self.is_bad(to, now, limits) {
            return Err(bad);
        }
        let chosen = self.chosen.as_ref().filter(|chosen| same(&chosen.version, from));
        if let Some(chosen) = chosen.filter(|_| compatible) {
            return Err(Refusal::Chosen { ago: now.since(chosen.at) });
        }
        let done = self.find(to).and_then(|known| known.replaced);
        if let Some(at) = done.filter(|_| compatible) {
            return Err(Refusal::OnceADay { ago: now.since(at) });
        }
        let undone = |known: &Candidate| known.replaced.is_some() && same(&known.from, to);
        if compatible && self.find(from).is_some_and(undone) {
            return Err(Refusal::Replaced);
        }
        let per_hour = usize::try_from(limits.per_hour).unwrap_or(usize::MAX).min(MOST_BEGUN);
        if self.begun.len() >= per_hour {
            let first = self.begun.get(self.begun.len() - per_hour).or(self.begun.last());
            let retry_in = first.map_or(HOUR, |at| HOUR.saturating_sub(now.since(*at)));
            return Err(Refusal::TooMany { per_hour: limits.per_hour, retry_in });
        }
        Ok(())
    }
}
