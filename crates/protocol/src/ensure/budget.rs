//! How a call divides its deadline, and how long it waits for each thing.
//!
//! Every duration of `ensure` is in this file. The shares of the deadline are:
//!
//! | share | name | what it is for |
//! | --- | --- | --- |
//! | the whole | [`Budget::call`] | the call |
//! | the whole | [`Budget::unhurried`] | a probe that only the deadline limits |
//! | less 5 %, at most 100 ms | [`Budget::inner`] | a step: it fails first, with the better error |
//! | less another 20 %, at most 500 ms | [`Budget::settle`] | settling for the running worker |
//! | 1/4, at most 50 ms | [`probe_once_limit`] | a probe without an event loop |
//! | 1/2, 3/4 | [`Budget::rank`] | passing an elected session that is suspended |
//! | 1/2, at least 250 ms | [`Budget::inspection`] | the probe of an inspection |
//! | 1/2 | [`Budget::obey`] | a worker that is asked to stop: then it gets SIGTERM |
//! | 3/4 | [`Budget::terminate`] | a worker that got SIGTERM: then it gets SIGKILL |

use std::time::Duration;

use crate::deadline::Deadline;
use crate::machine::{Clock, Moment};
use crate::request::EnsureRequest;
use crate::sabotage::{self, Sabotage};

/// How long a worker in good order may take to answer a probe without an event loop.
const PROBE_ONCE: Duration = Duration::from_millis(50);
/// How long the first probe is waited for alone. A worker in good order answers in a fraction of a
/// millisecond. A slower probe is not given up: the session tries to be elected meanwhile.
pub(super) const FIRST_PROBE: Duration = Duration::from_millis(250);
/// How long the first probe of a diagnosis may take.
pub(super) const HOLDER_PROBE: Duration = Duration::from_millis(300);
/// How long the last probe before a replacement takes at least.
pub(super) const SHORTEST_HOLDER_PROBE: Duration = Duration::from_millis(100);
/// How long a later probe of a diagnosis may take.
pub(super) const LONGEST_HOLDER_PROBE: Duration = Duration::from_millis(1500);
/// How long the owner of the port may take to accept a connection.
pub(super) const PORT_PROBE: Duration = Duration::from_millis(200);

/// The pause before a lock is inspected again that changes hands at this moment.
pub(super) const INSTANT: Duration = Duration::from_millis(1);
/// The pause before the next election after a worker changed its state: it is about to write its
/// record.
pub(super) const RECORD_PAUSE: Duration = Duration::from_millis(2);
/// The pause between two inspections of a worker that is starting or leaving.
pub(super) const POLL: Duration = Duration::from_millis(5);
/// The pause between two inspections of a hand-over that another session began.
pub(super) const HAND_OVER_POLL: Duration = Duration::from_millis(10);
/// The pause between two inspections of a lock that seems leaked.
pub(super) const LEAK_POLL: Duration = Duration::from_millis(20);

/// How long a directory's lock may be held by no worker before it is called leaked. An inspection
/// holds it for an instant. A worker whose files were all deleted restores them at its next
/// self-check, within two seconds.
pub(super) const LEAK_PATIENCE: Duration = Duration::from_secs(3);
/// How long a hung worker may take to obey SIGTERM.
pub(super) const TERMINATE_PATIENCE: Duration = Duration::from_millis(300);
/// How long the kernel may take to end a killed process and release its lock.
pub(super) const KILL_PATIENCE: Duration = Duration::from_secs(2);
/// How long a hand-over that another session began is waited for: its successor gives up by then.
pub(super) const LONGEST_HAND_OVER: Duration = Duration::from_secs(60);
/// A busy worker, and one that is still starting, gets this many times the hang limit.
pub(super) const LENIENCE: u32 = 6;

/// The last rank of the election. Beyond it only waiting helps.
const MAX_RANK: u8 = 2;

/// Returns how long [`probe_once`](super::probe_once) may block, on a machine whose probes block.
pub fn probe_once_limit(request: &EnsureRequest) -> Duration {
    PROBE_ONCE.min(request.deadline / 4)
}

/// The deadline of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// When the call began.
    pub(super) begun: Moment,
    whole: Duration,
    call: Deadline,
}

impl Budget {
    /// Begins a call that may take `whole`.
    pub(super) fn begin(clock: &dyn Clock, whole: Duration) -> Self {
        let begun = clock.now();
        let endless = Duration::from_secs(365 * 24 * 3600);
        let granted = if sabotage::on(Sabotage::DeadlineNotKept) { endless } else { whole };
        Self { begun, whole, call: Deadline::after(clock, granted, "ensuring the worker") }
    }

    /// Returns the call's deadline.
    pub(super) fn call(&self) -> Deadline {
        self.call
    }

    /// Returns the deadline of each step.
    pub(super) fn inner(&self) -> Deadline {
        self.call.less((self.whole / 20).min(Duration::from_millis(100)))
    }

    /// Returns by when a session that could use the running worker settles for it.
    pub(super) fn settle(&self) -> Deadline {
        self.inner().less((self.whole / 5).min(Duration::from_millis(500)))
    }

    /// Returns how long a probe may take that only the deadline limits.
    pub(super) fn unhurried(&self) -> Duration {
        self.whole
    }

    /// Returns how long the probe of an inspection may take.
    pub(super) fn inspection(&self) -> Duration {
        FIRST_PROBE.max(self.whole / 2)
    }

    /// Returns the highest rank that a session may try to be elected at, after it waited for
    /// `waited`.
    ///
    /// The elected session may be suspended. One session at a time may pass it, so that there is no
    /// stampede: one at half of the deadline, and one that passes that session at three quarters.
    pub(super) fn rank(&self, waited: Duration) -> u8 {
        let rank = if waited * 4 >= self.whole * 3 { 2 } else { u8::from(waited * 2 >= self.whole) };
        rank.min(MAX_RANK)
    }

    /// Returns by when a worker has to obey that is asked to stop now.
    pub(super) fn obey(&self, clock: &dyn Clock) -> Deadline {
        Deadline::after(clock, self.whole / 2, "asking the worker to stop")
    }

    /// Returns by when it has to end that got SIGTERM at `obey`.
    pub(super) fn terminate(&self, clock: &dyn Clock, obey: Deadline) -> Deadline {
        Deadline::after(clock, obey.remaining(clock) + self.whole / 4, "terminating the worker")
    }
}

/// A pause that grows by half each time, up to a longest one.
#[derive(Clone, Copy, Debug)]
pub(super) struct GrowingPause {
    next: Duration,
    longest: Duration,
}

impl GrowingPause {
    /// Between two tries to be elected.
    pub(super) const ELECTION: Self =
        Self { next: Duration::from_millis(1), longest: Duration::from_millis(20) };
    /// Between two inspections of a worker that can't be probed yet. It grows, since each
    /// inspection is noted.
    pub(super) const HOLDER: Self = Self { next: POLL, longest: Duration::from_millis(40) };

    /// Returns the pause to make now.
    pub(super) fn draw(&mut self) -> Duration {
        let now = self.next;
        self.next = grown(now).min(self.longest);
        now
    }
}

/// Returns a duration that is longer by half.
pub(super) fn grown(duration: Duration) -> Duration {
    duration * 3 / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_machine::machine;

    #[test]
    fn a_step_gives_up_a_little_before_its_call() {
        let machine = machine();
        for (whole, earlier) in [(5_000, 100), (1_000, 50), (20, 1)] {
            let budget = Budget::begin(&*machine.clock, Duration::from_millis(whole));
            // One reading before and one after: any time may pass between them on a loaded machine.
            let before = budget.call().remaining(&*machine.clock);
            let inner = budget.inner().remaining(&*machine.clock);
            let after = budget.call().remaining(&*machine.clock);
            let earlier = Duration::from_millis(earlier);
            assert!(inner <= before.saturating_sub(earlier), "{whole}: {inner:?} of {before:?}");
            assert!(inner >= after.saturating_sub(earlier), "{whole}: {inner:?} of {after:?}");
        }
    }

    #[test]
    fn ranks_come_at_half_and_at_three_quarters() {
        let machine = machine();
        let budget = Budget::begin(&*machine.clock, Duration::from_secs(4));
        let ranks = [0, 1_999, 2_000, 2_999, 3_000, 9_000].map(|ms| budget.rank(Duration::from_millis(ms)));
        assert_eq!(ranks, [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn a_pause_grows_up_to_the_longest() {
        let mut pause = GrowingPause::HOLDER;
        let micros = [(); 8].map(|()| pause.draw().as_micros());
        assert_eq!(micros, [5_000, 7_500, 11_250, 16_875, 25_312, 37_968, 40_000, 40_000]);
    }
}
