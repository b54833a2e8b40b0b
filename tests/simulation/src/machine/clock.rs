//! Time and chance.

use std::io;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use coordinator::machine::{BootId, Clock, Moment, Random};

use crate::host::Host;

pub(super) struct SimulatedClock(pub(super) Host);

#[async_trait]
impl Clock for SimulatedClock {
    fn now(&self) -> Moment {
        let mut kernel = self.0.kernel();
        // The monotonic clock begins anew with each boot.
        let now = kernel.now - kernel.weather.booted;
        self.0.tell(&mut kernel, "now", &now);
        Moment { nanos: now }
    }

    fn wall(&self) -> SystemTime {
        let kernel = self.0.kernel();
        let nanos = u64::try_from(kernel.wall + i128::from(kernel.now)).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)
    }

    fn boot_id(&self) -> BootId {
        self.0.kernel().boot_id()
    }

    async fn sleep(&self, pause: Duration) {
        self.0.sleep(pause).await;
    }

    fn random(&self) -> u64 {
        self.0.kernel().draw(self.0.key)
    }
}

pub(super) struct SimulatedRandom(pub(super) Host);

impl Random for SimulatedRandom {
    fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut kernel = self.0.kernel();
        for chunk in bytes.chunks_mut(8) {
            let drawn = kernel.draw(self.0.key).to_le_bytes();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
        Ok(())
    }
}
