//! The locks of one process.

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::calls::LockCalls;
use super::registry::Registry;
use super::{election, tenure};
use crate::machine::{ClaimAttempt, ElectionGuard, Locks, TenureLook};

/// Election by `flock` (the `named-lock` crate), tenure by a record lock and a `flock` of the directory.
///
/// One for each *process*, since it remembers which lock files the process has locked: a second one would open such a file, and drop the
/// lock by closing it again.
pub struct UnixLocks<K: LockCalls> {
    registry: Arc<Registry<K>>,
}

impl<K: LockCalls> UnixLocks<K> {
    /// The locks of a process that makes these calls.
    pub fn new(calls: K) -> Self {
        Self { registry: Arc::new(Registry::new(calls)) }
    }
}

#[async_trait]
impl<K: LockCalls> Locks for UnixLocks<K> {
    async fn try_elect(&self, dir: &Path, rank: u8) -> io::Result<Option<Box<dyn ElectionGuard>>> {
        election::try_elect(self.registry.calls(), dir, rank).await
    }

    async fn look(&self, dir: &Path) -> io::Result<TenureLook> {
        tenure::look(&self.registry, dir).await
    }

    async fn try_claim(&self, dir: &Path) -> io::Result<ClaimAttempt> {
        tenure::try_claim(&self.registry, dir).await
    }
}
