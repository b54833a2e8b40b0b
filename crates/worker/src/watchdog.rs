//! Ends the process when its event loop is stuck or its stop hangs. Such a worker holds its lock
//! but answers no session. A thread watches both and ends the process. The kernel then releases the
//! lock, and a successor takes over.
//!
//! While the worker serves, the thread asks the event loop to answer. That costs an idle worker two
//! wake-ups in two seconds. The periodic checks share the same wake-up. Once the stop has begun,
//! the thread only measures the stop's budget.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use coordinator::machine::Clock;
use tokio::sync::Notify;

use crate::vigil::{Finding, Vigil};

/// How often an idle worker is asked at most.
const PERIOD: Duration = Duration::from_secs(2);

/// Watches this process until it is dropped.
pub(crate) struct Watchdog {
    orders: Sender<Stopping>,
    pulse: Arc<Pulse>,
}

/// The stop has begun, and may take this long.
struct Stopping(Duration);

/// The thread asks through this, and the event loop answers.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    asked: Notify,
    answered: AtomicBool,
}

impl Pulse {
    /// Waits for the thread to ask.
    pub(crate) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Answers.
    pub(crate) fn answer(&self) {
        self.answered.store(true, Ordering::Release);
    }
}

impl Watchdog {
    /// Begins to watch. If the event loop does not answer for `limit`, the process is ended. It is
    /// asked every two seconds, or more often if the limit or `at_least_every` requires that.
    pub(crate) fn start(
        clock: Arc<dyn Clock>,
        limit: Duration,
        at_least_every: Option<Duration>,
    ) -> io::Result<Self> {
        let period =
            PERIOD.min(limit / 4).min(at_least_every.unwrap_or(PERIOD)).max(Duration::from_millis(50));
        Self::start_with(clock, limit, period, |reason| {
            crate::stderr::last_words(reason);
            std::process::abort()
        })
    }

    fn start_with(
        clock: Arc<dyn Clock>,
        limit: Duration,
        period: Duration,
        give_up: impl FnOnce(&str) + Send + 'static,
    ) -> io::Result<Self> {
        let (orders, inbox) = channel();
        let pulse = Arc::new(Pulse::default());
        let watched = pulse.clone();
        std::thread::Builder::new().name("watchdog".to_owned()).stack_size(128 * 1024).spawn(move || {
            if let Some(reason) = watch(&*clock, &inbox, &watched, limit, period) {
                give_up(&reason);
            }
        })?;
        Ok(Self { orders, pulse })
    }

    /// Returns what the event loop answers through.
    pub(crate) fn pulse(&self) -> Arc<Pulse> {
        self.pulse.clone()
    }

    /// From now on watches the stop instead of the event loop. It must be over within `budget`.
    pub(crate) fn stopping(&self, budget: Duration) {
        // If the thread is gone, it has ended the process.
        let _ = self.orders.send(Stopping(budget));
    }
}

/// Watches until there is a reason to end the process. Returns `None` if the watchdog is dropped.
fn watch(
    clock: &dyn Clock,
    inbox: &Receiver<Stopping>,
    pulse: &Pulse,
    limit: Duration,
    period: Duration,
) -> Option<String> {
    let mut vigil = Vigil::begin(clock.now(), limit);
    let mut stop_budget = None;
    loop {
        if stop_budget.is_none() {
            pulse.asked.notify_one();
        }
        let nap = period.min(vigil.left()).max(Duration::from_millis(1));
        match inbox.recv_timeout(nap) {
            Ok(Stopping(budget)) => {
                vigil = Vigil::begin(clock.now(), budget);
                stop_budget = Some(budget);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let heard = stop_budget.is_none() && pulse.answered.swap(false, Ordering::AcqRel);
        if vigil.check(clock.now(), nap, heard) == Finding::GiveUp {
            return Some(match stop_budget {
                Some(budget) => format!(
                    "the stop is not over after {budget:?}: this process ends now, so that its successor can take office"
                ),
                None => format!(
                    "the event loop has not answered for {limit:?}: this process ends now, so that a successor can take office"
                ),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    /// Soon over.
    const SHORT: Duration = Duration::from_millis(80);
    /// Not over while somebody answers, however loaded the machine is.
    const LONG: Duration = Duration::from_secs(3);
    /// Never over in a test.
    const ENDLESS: Duration = Duration::from_secs(3600);
    const PERIOD: Duration = Duration::from_millis(10);
    const PATIENCE: Duration = Duration::from_secs(300);

    fn watchdog(limit: Duration) -> (Watchdog, Receiver<String>) {
        let (reason, given_up) = channel();
        let clock = coordinator::system::machine().clock;
        let watchdog =
            Watchdog::start_with(clock, limit, PERIOD, move |why| reason.send(why.to_owned()).unwrap())
                .unwrap();
        (watchdog, given_up)
    }

    #[test]
    fn an_event_loop_that_is_stuck_is_given_up_on() {
        let (_watchdog, given_up) = watchdog(SHORT);
        assert!(given_up.recv_timeout(PATIENCE).unwrap().contains("event loop"));
    }

    #[tokio::test]
    async fn an_event_loop_that_answers_is_left_alone_until_it_no_longer_does() {
        let (watchdog, given_up) = watchdog(LONG);
        let pulse = watchdog.pulse();
        for _ in 0..20 {
            tokio::time::timeout(PATIENCE, pulse.asked()).await.unwrap();
            pulse.answer();
        }
        assert!(given_up.try_recv().is_err());
        assert!(given_up.recv_timeout(PATIENCE).is_ok());
    }

    #[test]
    fn a_stop_that_takes_too_long_is_given_up_on() {
        let (watchdog, given_up) = watchdog(ENDLESS);
        watchdog.stopping(Duration::from_millis(30));
        assert!(given_up.recv_timeout(PATIENCE).unwrap().contains("the stop is not over after 30ms"));
    }

    #[test]
    fn a_dropped_watchdog_watches_no_more() {
        let (watchdog, given_up) = watchdog(ENDLESS);
        drop(watchdog);
        // The sender is dropped with the thread, unused.
        assert!(given_up.recv().is_err());
    }
}
