use std::io;
use std::path::Path;

use async_trait::async_trait;

use crate::machine::{ClaimAttempt, ElectionGuard, Locks, TenureLook};

#[path = "windows/election.rs"]
mod election;
#[path = "windows/tenure.rs"]
mod tenure;

/// Election by a global mutex (the `named-lock` crate), tenure by byte-range locks of `worker.lock`.
pub(in crate::system) struct SystemLocks;

/// This process's locks.
pub(in crate::system) fn locks() -> SystemLocks {
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
