//! When a watchdog may give up on what it watches.
//!
//! A watchdog that only reads the clock ends healthy workers. After a `SIGSTOP`, a debugger's halt,
//! in a frozen container or on a starved machine, the time has passed although the watched thread
//! could not run. So of each nap of the watchdog at most the planned length counts. (Time that the
//! machine sleeps does not count either: [`Moment`] excludes it.)

use std::time::Duration;

use coordinator::machine::Moment;

/// Counts the time without an answer.
#[derive(Clone, Debug)]
pub(crate) struct Vigil {
    limit: Duration,
    silent: Duration,
    checked: Moment,
}

/// The result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// There was an answer, or the limit is not reached.
    Wait,
    /// There was no answer for the limit.
    GiveUp,
}

impl Vigil {
    pub(crate) fn begin(now: Moment, limit: Duration) -> Self {
        Self { limit, silent: Duration::ZERO, checked: now }
    }

    /// Returns how long a nap may be before the limit can be reached.
    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.silent)
    }

    /// Checks, after a nap of a planned length. `heard`: there was an answer since the last check.
    pub(crate) fn check(&mut self, now: Moment, planned: Duration, heard: bool) -> Finding {
        let counted = now.since(self.checked).min(planned);
        self.checked = now;
        self.silent = if heard { Duration::ZERO } else { self.silent + counted };
        if self.silent >= self.limit { Finding::GiveUp } else { Finding::Wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAP: Duration = Duration::from_secs(2);
    const LIMIT: Duration = Duration::from_secs(10);

    fn at(secs: u64) -> Moment {
        Moment { nanos: secs * 1_000_000_000 }
    }

    #[test]
    fn silence_for_the_limit_is_given_up_on_and_not_sooner() {
        let mut vigil = Vigil::begin(at(0), LIMIT);
        let findings: Vec<_> = (1..=5).map(|n| vigil.check(at(2 * n), NAP, false)).collect();
        assert_eq!(findings[..4], [Finding::Wait; 4]);
        assert_eq!(findings[4], Finding::GiveUp);
    }

    #[test]
    fn an_answer_begins_the_count_anew() {
        let mut vigil = Vigil::begin(at(0), LIMIT);
        for n in 1..=100 {
            assert_eq!(vigil.check(at(2 * n), NAP, n % 4 == 0), Finding::Wait);
        }
    }

    #[test]
    fn a_stop_of_the_whole_process_counts_as_one_nap() {
        let mut vigil = Vigil::begin(at(0), LIMIT);
        assert_eq!(vigil.check(at(2), NAP, true), Finding::Wait);
        assert_eq!(vigil.check(at(3600), NAP, false), Finding::Wait);
        assert_eq!(vigil.left(), LIMIT - NAP);
        assert_eq!(vigil.check(at(3602), NAP, true), Finding::Wait);
    }

    #[test]
    fn a_clock_that_stood_still_counts_for_nothing() {
        let mut vigil = Vigil::begin(at(5), LIMIT);
        for _ in 0..1000 {
            assert_eq!(vigil.check(at(5), NAP, false), Finding::Wait);
        }
    }
}
