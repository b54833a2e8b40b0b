use std::io;
use std::path::Path;

use async_trait::async_trait;

use super::{Directory, Pid};

/// What a look at the tenure lock shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenureLook {
    /// Nobody is in office.
    Free,
    /// The lock file's lock is held.
    Held {
        /// By this process; `None` where the kernel does not say, or names one that this pid namespace can't see.
        by: Option<Pid>,
    },
    /// Only the directory's lock is held: the lock file was deleted or replaced under the worker, or a child has kept a copy of
    /// a dead worker's descriptor.
    DirectoryOnly {
        /// The processes that have the locked directory open, as far as can be seen.
        holders: Vec<Pid>,
    },
}

/// What came of a try to take office.
pub enum ClaimAttempt {
    /// Taken.
    Won(Box<dyn TenureGuard>),
    /// Somebody holds the lock file.
    Held {
        /// By this process, if the kernel says.
        by: Option<Pid>,
    },
    /// The lock file is ours, but the directory's lock is held: by a worker whose lock file was deleted, or for an instant by
    /// somebody who looks.
    DirectoryBusy(Box<dyn PendingTenure>),
}

/// Half a tenure: the lock file is locked, the directory not yet. Dropping it gives up.
#[async_trait]
pub trait PendingTenure: Send + Sync {
    /// Tries the directory's lock once more.
    async fn retry(self: Box<Self>) -> io::Result<ClaimAttempt>;
    /// The processes that have the locked directory open, as far as can be seen.
    fn holders(&self) -> Vec<Pid>;
}

/// What a worker finds when it checks that it is still in office.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfficeCheck {
    /// Lock file and directory are the ones that were locked.
    Held,
    /// The lock file was gone or another one; it was made and locked again.
    Remade,
    /// The lock file is another one that somebody else has locked for the moment; the directory is still ours.
    Contested,
    /// Another directory, or none, is at the path: there may be a successor.
    Superseded,
}

/// Election and tenure locks.
#[async_trait]
pub trait Locks: Send + Sync {
    /// Tries the election of this `rank` (0 = `spawn.lock`, 1 = `spawn.1.lock`…) once. Never blocks.
    ///
    /// A guard is given only if the locked file is the one at the path.
    ///
    /// # Errors
    /// Anything but "busy" and "replaced", which are `Ok(None)`.
    async fn try_elect(&self, dir: &Path, rank: u8) -> io::Result<Option<Box<dyn ElectionGuard>>>;

    /// Looks at the tenure lock without disturbing a claimer.
    async fn look(&self, dir: &Path) -> io::Result<TenureLook>;

    /// Tries to take office once. Never blocks.
    async fn try_claim(&self, dir: &Path) -> io::Result<ClaimAttempt>;
}

/// Proof that this session is elected. Dropping it ends the election.
///
/// What only the elected may do takes a reference to one.
#[must_use = "dropping the guard ends the election"]
pub trait ElectionGuard: Send + Sync {
    /// The rank it was won at.
    fn rank(&self) -> u8;
}

/// Proof that this process is in office. Dropping it leaves office.
#[must_use = "dropping the guard leaves office"]
#[async_trait]
pub trait TenureGuard: Send + Sync {
    /// Checks, by `stat` of lock file and directory, that the locks still guard what is at the path; makes and locks the lock
    /// file again if only that was lost.
    async fn check(&self) -> io::Result<OfficeCheck>;
    /// The state directory, held open.
    fn directory(&self) -> &dyn Directory;
}
