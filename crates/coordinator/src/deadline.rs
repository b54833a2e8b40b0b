//! One deadline, handed down. Each level keeps a little of it for itself, so that the innermost time-out comes first
//! and names what was really slow.

use std::future::Future;
use std::time::Duration;

use crate::machine::{Clock, Moment};

/// The instant by which a call has to be over, on a clock that excludes sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Moment);

/// The time was up before the operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

impl Deadline {
    /// `budget` from now.
    pub fn after(clock: &dyn Clock, budget: Duration) -> Self {
        Self(clock.now() + budget)
    }

    /// What is left; zero when it has passed.
    pub fn remaining(self, clock: &dyn Clock) -> Duration {
        self.0.since(clock.now())
    }

    /// Whether it has passed.
    pub fn passed(self, clock: &dyn Clock) -> bool {
        clock.now() >= self.0
    }

    /// An earlier deadline that leaves `reserve` for what comes after.
    #[must_use]
    pub fn less(self, reserve: Duration) -> Self {
        Self(self.0 - reserve)
    }

    /// The earlier of this and `budget` from now.
    #[must_use]
    pub fn at_most(self, clock: &dyn Clock, budget: Duration) -> Self {
        self.min(Self::after(clock, budget))
    }

    /// Runs `work` until it is done or the time is up. Dropping `work` cancels it.
    ///
    /// # Errors
    /// [`TimedOut`] if the deadline passed first.
    pub async fn limit<T>(self, clock: &dyn Clock, work: impl Future<Output = T>) -> Result<T, TimedOut> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = clock.sleep(self.remaining(clock)) => Err(TimedOut),
        }
    }

    /// Sleeps for `pause`, but not past the deadline.
    pub async fn pause(self, clock: &dyn Clock, pause: Duration) {
        clock.sleep(pause.min(self.remaining(clock))).await;
    }
}
