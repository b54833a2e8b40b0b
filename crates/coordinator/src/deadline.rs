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
        // Work that always has more to read (a program that writes without end) leaves nothing of tokio's budget, and a timer that is
        // polled without any is never up: https://docs.rs/tokio/1/tokio/task/coop.
        let time = tokio::task::unconstrained(clock.sleep(self.remaining(clock)));
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = time => Err(TimedOut),
        }
    }

    /// Sleeps for `pause`, but not past the deadline.
    pub async fn pause(self, clock: &dyn Clock, pause: Duration) {
        clock.sleep(pause.min(self.remaining(clock))).await;
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
        let machine = crate::system::machine();
        let deadline = Deadline::after(&*machine.clock, Duration::from_millis(20));
        let (ended, is_ended) = std::sync::mpsc::channel();
        // On a thread of its own: what is not ended would keep this one for ever.
        std::thread::spawn(move || {
            let limited = deadline.limit::<()>(&*machine.clock, busy);
            let _ = ended.send(crate::blocking::event_loop().unwrap().block_on(limited));
        });
        assert_eq!(is_ended.recv_timeout(Duration::from_secs(300)), Ok(Err(TimedOut)));
    }
}
