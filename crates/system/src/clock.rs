//! Time. `std::time::Instant` will not do: it can't be compared between processes, and on Windows it runs on through sleep.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use oneworker_protocol::machine::{BootId, Clock, Moment};

#[cfg(target_os = "freebsd")]
mod freebsd;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;
#[cfg(target_os = "freebsd")]
use freebsd as imp;
#[cfg(target_os = "linux")]
use linux as imp;
#[cfg(target_os = "macos")]
use macos as imp;
#[cfg(windows)]
use windows as imp;

/// The machine's clocks.
pub(super) struct SystemClock;

/// Names this boot; read once.
pub(super) fn boot_id() -> BootId {
    static BOOT: std::sync::OnceLock<BootId> = std::sync::OnceLock::new();
    BOOT.get_or_init(|| BootId(imp::boot_id())).clone()
}

/// A pause. Without an event loop, whose timer panics then, there is nobody who could end it, and it has no end: who asks only once
/// ([`super::glance`]) learns that there is something to wait for.
pub(super) async fn pause(time: Duration) {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => tokio::time::sleep(time).await,
        Err(_) => std::future::pending().await,
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment { nanos: imp::awake_nanos() }
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn boot_id(&self) -> BootId {
        boot_id()
    }

    async fn sleep(&self, time: Duration) {
        pause(time).await;
    }

    fn random(&self) -> u64 {
        // Only for jitter: if the system gives no random bytes, the clock's low digits will do.
        let mut bytes = [0; 8];
        match super::random::fill(&mut bytes) {
            Ok(()) => u64::from_ne_bytes(bytes),
            Err(_) => imp::awake_nanos(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn without_an_event_loop_a_pause_is_nothing_to_panic_for() {
        let mut asleep = SystemClock.sleep(Duration::ZERO);
        let polled = asleep.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Pending);
    }

    #[tokio::test]
    async fn time_goes_on_as_fast_as_elsewhere_and_the_boot_stays_the_same() {
        let pause = Duration::from_millis(20);
        // Whenever this thread has to wait for a CPU, what is measured lies between the two.
        let without = std::time::Instant::now();
        let begun = SystemClock.now();
        let within = std::time::Instant::now();
        SystemClock.sleep(pause).await;
        let within = within.elapsed();
        let took = SystemClock.now().since(begun);
        let without = without.elapsed();
        let elsewhere = within / 2..=without * 2;
        assert!(took >= pause / 2 && elsewhere.contains(&took), "{took:?}, and elsewhere {elsewhere:?}");
        assert!(!boot_id().0.is_empty());
        assert_eq!(boot_id(), SystemClock.boot_id());
    }
}
