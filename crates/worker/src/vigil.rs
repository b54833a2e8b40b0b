//! When a watchdog may give up on what it watches.
//!
//! A watchdog that goes by the clock alone kills healthy workers: after a `SIGSTOP`, a debugger's halt, a frozen container or on a starved
//! machine, the time is gone although the watched thread never had a chance. So only time counts in which the watchdog itself ran as it had
//! planned: of each of its naps, at most the planned length. (A slept laptop does not count either: [`Moment`] excludes sleep.)

use std::time::Duration;

use coordinator::machine::Moment;

/// Counts the time for which something owes an answer.
#[derive(Clone, Debug)]
pub(crate) struct Vigil {
    limit: Duration,
    silent: Duration,
    looked: Moment,
}

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Not silent, or not for long enough.
    Wait,
    /// Silent for the limit.
    GiveUp,
}

impl Vigil {
    pub(crate) fn begin(now: Moment, limit: Duration) -> Self {
        Self { limit, silent: Duration::ZERO, looked: now }
    }

    /// How long a nap may be before the limit could be reached.
    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.silent)
    }

    /// Looks, after a nap that was to take `planned`. `heard`: there was an answer since the last look.
    pub(crate) fn look(&mut self, now: Moment, planned: Duration, heard: bool) -> Finding {
        let counted = now.since(self.looked).min(planned);
        self.looked = now;
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
        let findings: Vec<_> = (1..=5).map(|n| vigil.look(at(2 * n), NAP, false)).collect();
        assert_eq!(findings[..4], [Finding::Wait; 4]);
        assert_eq!(findings[4], Finding::GiveUp);
    }

    #[test]
    fn an_answer_begins_the_count_anew() {
        let mut vigil = Vigil::begin(at(0), LIMIT);
        for n in 1..=100 {
            assert_eq!(vigil.look(at(2 * n), NAP, n % 4 == 0), Finding::Wait);
        }
    }

    #[test]
    fn a_stop_of_the_whole_process_counts_as_one_nap() {
        let mut vigil = Vigil::begin(at(0), LIMIT);
        assert_eq!(vigil.look(at(2), NAP, true), Finding::Wait);
        assert_eq!(vigil.look(at(3600), NAP, false), Finding::Wait);
        assert_eq!(vigil.left(), LIMIT - NAP);
        assert_eq!(vigil.look(at(3602), NAP, true), Finding::Wait);
    }

    #[test]
    fn a_clock_that_stood_still_counts_for_nothing() {
        let mut vigil = Vigil::begin(at(5), LIMIT);
        for _ in 0..1000 {
            assert_eq!(vigil.look(at(5), NAP, false), Finding::Wait);
        }
    }
}
