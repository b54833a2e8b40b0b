use std::io;
use std::path::Path;

use async_trait::async_trait;

use crate::machine::{ClaimAttempt, ElectionGuard, Locks, TenureLook};

#[path = "unix/election.rs"]
mod election;
#[path = "unix/holders.rs"]
mod holders;
#[path = "unix/tenure.rs"]
mod tenure;

/// Election by `flock` (the `named-lock` crate), tenure by a record lock and a `flock` of the directory.
pub(in crate::system) struct SystemLocks;

#[async_trait]
impl Locks for SystemLocks {
    async fn try_elect(&self, dir: &Path, rank: u8) -> io::Result<Option<Box<dyn ElectionGuard>>> {
        election::try_elect(dir, rank)
    }

    async fn look(&self, dir: &Path) -> io::Result<TenureLook> {
        tenure::look(dir)
    }

    async fn try_claim(&self, dir: &Path) -> io::Result<ClaimAttempt> {
        tenure::try_claim(dir)
    }
}
