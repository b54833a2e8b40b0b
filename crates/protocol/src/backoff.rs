//! How launches are held back after failures: [`Backoff`].

use std::time::Duration;

/// How launches are held back after failures.
///
/// A failure is a launch that never became ready, or a worker that died uncleanly within
/// `stable_after` of becoming ready. All sessions of the identity share the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// How many failures in a row are retried without delay.
    pub free: u32,
    /// The delay after the first failure beyond those. Each further one doubles it. Zero: no backoff.
    pub base: Duration,
    /// The longest delay.
    pub max: Duration,
    /// A worker that served for this long was no failure, however it ended.
    pub stable_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            free: 2,
            base: Duration::from_millis(500),
            max: Duration::from_secs(60),
            stable_after: Duration::from_secs(5),
        }
    }
}

impl Backoff {
    /// Returns how long to wait after this many failures in a row.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let backoff = oneworker_protocol::Backoff::default();
    /// assert_eq!(backoff.delay(2), Duration::ZERO);
    /// assert_eq!(backoff.delay(4), 2 * backoff.delay(3));
    /// assert_eq!(backoff.delay(u32::MAX), backoff.max);
    /// ```
    pub fn delay(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free) {
            None | Some(0) => Duration::ZERO,
            Some(n) => self.base.saturating_mul(1u32.checked_shl(n - 1).unwrap_or(u32::MAX)).min(self.max),
        }
    }
}
