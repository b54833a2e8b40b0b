//! One deadline, handed down with the name of what it limits.
//!
//! Each level keeps a little of its time for itself ([`Deadline::less`]). So the innermost time-out
//! comes first, and [`TimedOut`] names what was slow.

use std::future::Future;
use std::time::Duration;

use thiserror::Error;

use crate::machine::{Clock, Moment};

/// The instant by which something has to be over, on a clock that excludes sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    at: Moment,
    what: &'static str,
}

/// The time was up before the operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the deadline passed while {what}")]
pub struct TimedOut {
    /// What the deadline limited, as in "waiting for the worker to start".
    pub what: &'static str,
}

impl Deadline {
    /// Returns the deadline `budget` from now. `what` completes "the deadline passed while …".
    pub fn after(clock: &dyn Clock, budget: Duration, what: &'static str) -> Self {
        Self { at: clock.now() + budget, what }
    }

    /// Returns the same instant as the deadline of a step, under the name of that step.
    #[must_use]
    pub fn step(self, what: &'static str) -> Self {
        Self { what, ..self }
    }

    /// Returns what is left; zero when it has passed.
    pub fn remaining(self, clock: &dyn Clock) -> Duration {
        self.at.since(clock.now())
    }

    /// Returns whether it has passed.
    pub fn passed(self, clock: &dyn Clock) -> bool {
        clock.now() >= self.at
    }

    /// Fails if it has passed.
    ///
    /// # Errors
    /// [`TimedOut`], with the name of this deadline.
    pub fn check(self, clock: &dyn Clock) -> Result<(), TimedOut> {
        if self.passed(clock) { Err(self.timed_out()) } else { Ok(()) }
    }

    /// Returns an earlier deadline that leaves `reserve` for what comes after.
    #[must_use]
    pub fn less(self, reserve: Duration) -> Self {
        Self { at: self.at - reserve, ..self }
    }

    /// Returns the earlier of this one and `budget` from now.
    #[must_use]
    pub fn at_most(self, clock: &dyn Clock, budget: Duration) -> Self {
        Self { at: self.at.min(clock.now() + budget), ..self }
    }

    /// Runs `work` until it is done or the time is up. Dropping `work` cancels it.
    ///
    /// # Errors
    /// [`TimedOut`], with the name of this deadline, if it passed first.
    pub async fn limit<T>(self, clock: &dyn Clock, work: impl Future<Output = T>) -> Result<T, TimedOut> {
        // Work that always has more to read (a program that writes without end) uses up tokio's
        // cooperative budget, and a timer that is polled without any budget never fires:
        // https://docs.rs/tokio/1/tokio/task/coop.
        let time = tokio::task::unconstrained(clock.sleep(self.remaining(clock)));
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = time => Err(self.timed_out()),
        }
    }

    /// Sleeps for `pause`, but not past the deadline.
    pub async fn pause(self, clock: &dyn Clock, pause: Duration) {
        clock.sleep(pause.min(self.remaining(clock))).await;
    }

    fn timed_out(self) -> TimedOut {
        TimedOut { what: self.what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_never_waits_is_ended_all_the_same() {
        let busy = async {
            loop {
                tokio::task::consume_budget().await;
            }
        };
        let machine = crate::test_machine::machine();
        let deadline = Deadline::after(&*machine.clock, Duration::from_millis(20), "reading").step("writing");
        let (ended, is_ended) = std::sync::mpsc::channel();
        // On a thread of its own: work that does not end would block this thread for ever.
        std::thread::spawn(move || {
            let limited = deadline.limit::<()>(&*machine.clock, busy);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let _ = ended.send(runtime.block_on(limited));
        });
        assert_eq!(is_ended.recv_timeout(Duration::from_secs(300)), Ok(Err(TimedOut { what: "writing" })));
    }
}
