use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// An instant on a clock that all processes of this boot share, that never jumps, and that stands still while the machine
/// sleeps. Comparable between processes; meaningless in another boot, so it is stored beside a [`BootId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment {
    /// Nanoseconds since some point before the boot's first process.
    pub nanos: u64,
}

impl Moment {
    /// How long ago `earlier` was; zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self { nanos: self.nanos.saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)) }
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;
    fn sub(self, d: Duration) -> Self {
        Self { nanos: self.nanos.saturating_sub(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)) }
    }
}

/// Names one boot of one machine: whatever was noted in another boot says nothing about this one's processes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootId(pub String);

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, on the clock that excludes sleep.
    fn now(&self) -> Moment;
    /// Now, for people only: this clock jumps, and no decision rests on it.
    fn wall(&self) -> SystemTime;
    /// This boot.
    fn boot_id(&self) -> BootId;
    /// Waits. Cancelled by dropping.
    async fn sleep(&self, pause: Duration);
    /// A random number, for jitter. A simulated machine gives a repeatable one.
    fn random(&self) -> u64;
}
