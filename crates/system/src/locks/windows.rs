use std::io;
use std::path::Path;

use async_trait::async_trait;

use oneworker_protocol::machine::{ClaimAttempt, ElectionGuard, Locks, TenureLook};

mod election;
mod tenure;

/// Election by a global mutex (the `named-lock` crate), tenure by byte-range locks of `worker.lock`.
pub(crate) struct SystemLocks;

/// This process's locks.
pub(crate) fn locks() -> SystemLocks {
    SystemLocks
}

#[async_trait]
impl Locks for SystemLocks {
    async fn try_elect(&self, dir: &Path, rank: u8) -> io::Result<Option<Box<dyn ElectionGuard>>> {
        election::try_elect(dir, rank).await
    }

    async fn look(&self, dir: &Path) -> io::Result<TenureLook> {
        tenure::look(dir)
    }

    async fn try_claim(&self, dir: &Path) -> io::Result<ClaimAttempt> {
        tenure::try_claim(dir)
    }
}
