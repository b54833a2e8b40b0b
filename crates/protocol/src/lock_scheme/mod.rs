//! The Unix lock scheme, without the system calls: which lock is tried when, what is checked after it, and what is never opened twice.
//!
//! It rests on [`LockCalls`], a handful of system calls. The real ones are in `oneworker-system`; a simulated machine has a model of them
//! and so runs this very scheme, traps included: a record lock that any `close` drops, a `flock` that a forked child keeps, files and
//! directories that are replaced between two calls. Windows has another scheme, of its own calls.
//!
//! See `docs/protocol.md` for why these locks and no others.

mod calls;
mod election;
mod registry;
mod tenure;

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

pub use calls::{LockCalls, Opening, RecordHolder, Sharing};

use crate::machine::{ClaimAttempt, ElectionGuard, Locks, TenureLook};
use registry::Registry;

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
