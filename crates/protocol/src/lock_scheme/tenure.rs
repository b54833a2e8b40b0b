//! The tenure lock: a POSIX record lock on `worker.lock` and an exclusive `flock` on the state directory.
//!
//! The record lock dies with its process and with nothing else: no forked child and no passed descriptor keeps it, and `F_GETLK`
//! looks at it without disturbing (fcntl(2)). The directory's lock covers the case that somebody deletes `worker.lock`: the record lock
//! is then on a file that no one can find.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::registry::{Attempt, RecordLock, Registry, Seen};
use super::{LockCalls, Sharing};
use crate::layout::WORKER_LOCK;
use crate::machine::{
    ClaimAttempt, Directory, FileStamp, OfficeCheck, PendingTenure, Pid, TenureGuard, TenureLook,
};
use crate::sabotage::{self, Sabotage};

pub(super) async fn look<K: LockCalls>(registry: &Registry<K>, path: &Path) -> io::Result<TenureLook> {
    let calls = registry.calls();
    let dir = match calls.open_directory(path).await {
        Ok(dir) => dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(TenureLook::Free),
        Err(error) => return Err(error),
    };
    if let Seen::Held { by } = registry.look(&dir).await? {
        return Ok(TenureLook::Held { by });
    }
    let dir = LockedDirectory { calls: Arc::clone(calls), dir };
    // Shared: those who look do not get into each other's way. A claimer that meets one of them tries again.
    if dir.try_lock(Sharing::Shared).await? {
        return Ok(TenureLook::Free);
    }
    Ok(TenureLook::DirectoryOnly { holders: dir.holders() })
}

pub(super) async fn try_claim<K: LockCalls>(
    registry: &Arc<Registry<K>>,
    path: &Path,
) -> io::Result<ClaimAttempt> {
    let dir = registry.calls().open_directory(path).await?;
    match registry.attempt(&dir).await? {
        Attempt::Held { by } => Ok(ClaimAttempt::Held { by }),
        Attempt::Locked(lock) => {
            let dir = LockedDirectory { calls: Arc::clone(registry.calls()), dir };
            lock_directory(Pending { path: path.to_owned(), dir, lock, registry: Arc::clone(registry) }).await
        }
    }
}

async fn lock_directory<K: LockCalls>(pending: Pending<K>) -> io::Result<ClaimAttempt> {
    if !pending.dir.try_lock(Sharing::Exclusive).await? {
        return Ok(ClaimAttempt::DirectoryBusy(Box::new(pending)));
    }
    let dir_stamp = pending.dir.stamp().await?;
    let Pending { path, dir, lock, registry } = pending;
    let office = Tenure { path, dir, dir_stamp, lock: Mutex::new(lock), registry };
    // Between opening and locking, both may have been replaced: then these locks guard nothing.
    match office.check().await? {
        OfficeCheck::Held => Ok(ClaimAttempt::Won(Box::new(office))),
        OfficeCheck::Remade | OfficeCheck::Contested | OfficeCheck::Superseded => {
            Ok(ClaimAttempt::Held { by: None })
        }
    }
}

struct Pending<K: LockCalls> {
    path: PathBuf,
    // Dropped first, as in office.
    dir: LockedDirectory<K>,
    lock: RecordLock<K>,
    registry: Arc<Registry<K>>,
}

#[async_trait]
impl<K: LockCalls> PendingTenure for Pending<K> {
    async fn retry(self: Box<Self>) -> io::Result<ClaimAttempt> {
        lock_directory(*self).await
    }

    fn holders(&self) -> Vec<Pid> {
        self.dir.holders()
    }
}

/// A directory that is locked, or about to be. Unlocks explicitly, whatever became of the try: a copy of the descriptor in a forked child
/// would keep the lock, and unlocking what is not locked does nothing.
struct LockedDirectory<K: LockCalls> {
    calls: Arc<K>,
    dir: K::Directory,
}

impl<K: LockCalls> LockedDirectory<K> {
    async fn try_lock(&self, sharing: Sharing) -> io::Result<bool> {
        if sabotage::on(Sabotage::DirectoryLockLeftOut) {
            return Ok(true);
        }
        self.calls.try_flock_directory(&self.dir, sharing).await
    }

    async fn stamp(&self) -> io::Result<FileStamp> {
        self.calls.stat_directory(&self.dir).await
    }

    fn holders(&self) -> Vec<Pid> {
        self.calls.directory_holders(&self.dir)
    }
}

impl<K: LockCalls> Drop for LockedDirectory<K> {
    fn drop(&mut self) {
        self.calls.unlock_directory(&self.dir);
    }
}

/// Both locks.
struct Tenure<K: LockCalls> {
    path: PathBuf,
    // Dropped first: whoever sees the lock file free then finds the directory free too.
    dir: LockedDirectory<K>,
    dir_stamp: FileStamp,
    lock: Mutex<RecordLock<K>>,
    registry: Arc<Registry<K>>,
}

#[async_trait]
impl<K: LockCalls> TenureGuard for Tenure<K> {
    async fn check(&self) -> io::Result<OfficeCheck> {
        if sabotage::on(Sabotage::LockPathUnchecked) {
            return Ok(OfficeCheck::Held);
        }
        let calls = self.registry.calls();
        match calls.stat_path(&self.path).await? {
            Some(stamp) if stamp.same_file(self.dir_stamp) => {}
            _ => return Ok(OfficeCheck::Superseded),
        }
        let mut lock = self.lock.lock().await;
        let at_path = calls.stat_in(&self.dir.dir, WORKER_LOCK).await?;
        if at_path.is_some_and(|stamp| lock.is_of(stamp)) {
            return Ok(if lock.renew().await? { OfficeCheck::Held } else { OfficeCheck::Contested });
        }
        if sabotage::on(Sabotage::NoHealing) {
            return Ok(OfficeCheck::Contested);
        }
        match self.registry.attempt(&self.dir.dir).await? {
            Attempt::Locked(remade) => {
                *lock = remade;
                Ok(OfficeCheck::Remade)
            }
            Attempt::Held { .. } => Ok(OfficeCheck::Contested),
        }
    }

    fn directory(&self) -> &dyn Directory {
        &self.dir.dir
    }
}
