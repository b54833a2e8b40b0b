//! The tenure lock: a POSIX record lock on `worker.lock` and an exclusive `flock` on the state directory.
//!
//! The record lock dies with its process and with nothing else: no forked child and no passed descriptor keeps it, and `F_GETLK`
//! looks at it without disturbing (fcntl(2)). Its trap: closing *any* descriptor of the file drops it. So a process that holds one
//! never opens the file again: [`REGISTRY`] answers for it, and is locked around every open and close of such a file.
//!
//! The directory's lock covers the case that somebody deletes `worker.lock`: the record lock is then on a file that no one can find.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, fcntl_lock, flock, fstat, openat};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, fcntl_getlk};

use super::holders::directory_holders;
use crate::layout::WORKER_LOCK;
use crate::machine::{
    ClaimAttempt, Directory, FileStamp, OfficeCheck, PendingTenure, Pid, TenureGuard, TenureLook,
};
use crate::system::files::{HeldDirectory, stamp, stat_at};

type FileId = (u64, u64);

/// The lock files that this process has locked.
static REGISTRY: Mutex<Option<HashSet<FileId>>> = Mutex::new(None);

fn registry() -> MutexGuard<'static, Option<HashSet<FileId>>> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

fn id(stamp: FileStamp) -> FileId {
    (stamp.device, stamp.inode)
}

/// A record lock of this process.
struct RecordLock {
    file: OwnedFd,
    stamp: FileStamp,
}

impl Drop for RecordLock {
    fn drop(&mut self) {
        let mut held = registry();
        held.get_or_insert_default().remove(&id(self.stamp));
        // The close that follows would do it too; but never leave it to a copy.
        let _ = fcntl_lock(&self.file, FlockOperation::NonBlockingUnlock);
    }
}

enum Record {
    Locked(RecordLock),
    Held { by: Option<Pid> },
}

/// Makes `worker.lock` if it is missing, and tries to lock it.
fn try_record_lock(dir: &HeldDirectory) -> io::Result<Record> {
    let mut held = registry();
    let held = held.get_or_insert_default();
    if let Some(stamp) = stat_at(dir.as_fd(), Path::new(WORKER_LOCK))?
        && held.contains(&id(stamp))
    {
        return Ok(Record::Held { by: Some(Pid(std::process::id())) });
    }
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(dir, WORKER_LOCK, flags, Mode::RUSR | Mode::WUSR)?;
    let stamp = stamp(&fstat(&file)?);
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {
            held.insert(id(stamp));
            Ok(Record::Locked(RecordLock { file, stamp }))
        }
        // Which of the two is the system's choice (POSIX, fcntl).
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(Record::Held { by: holder(&file)? }),
        Err(error) => Err(error.into()),
    }
}

/// Who holds the record lock of an open file; `Some(None)`-like "held by nobody that can be named" is `None` too, so the caller must
/// know by other means that it is held.
fn holder(file: &OwnedFd) -> io::Result<Option<Pid>> {
    let holder = fcntl_getlk(file, &Flock::from(FlockType::WriteLock))?.and_then(|lock| lock.pid);
    // Linux says 0 for a holder that this pid namespace can't see, and -1 for a lock of no process.
    Ok(holder.and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok()).map(Pid))
}

pub(super) fn look(dir: &Path) -> io::Result<TenureLook> {
    let path = dir.join(WORKER_LOCK);
    {
        let held = registry();
        let mine = |stamp: FileStamp| held.as_ref().is_some_and(|held| held.contains(&id(stamp)));
        if let Some(stamp) = stat_at(CWD, &path)? {
            if mine(stamp) {
                return Ok(TenureLook::Held { by: Some(Pid(std::process::id())) });
            }
            let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            match openat(CWD, &path, flags, Mode::empty()) {
                Ok(file) => {
                    if fcntl_getlk(&file, &Flock::from(FlockType::WriteLock))?.is_some() {
                        return Ok(TenureLook::Held { by: holder(&file)? });
                    }
                }
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    let dir = match HeldDirectory::open(dir) {
        Ok(dir) => dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(TenureLook::Free),
        Err(error) => return Err(error),
    };
    // Shared: those who look do not get into each other's way. A claimer that meets one of them tries again.
    match flock(&dir, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {
            flock(&dir, FlockOperation::Unlock)?;
            Ok(TenureLook::Free)
        }
        Err(Errno::WOULDBLOCK) => Ok(TenureLook::DirectoryOnly { holders: directory_holders(&dir)? }),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn try_claim(dir: &Path) -> io::Result<ClaimAttempt> {
    let held = HeldDirectory::open(dir)?;
    match try_record_lock(&held)? {
        Record::Held { by } => Ok(ClaimAttempt::Held { by }),
        Record::Locked(lock) => lock_directory(Pending { path: dir.to_owned(), dir: held, lock }),
    }
}

fn lock_directory(pending: Pending) -> io::Result<ClaimAttempt> {
    match flock(&pending.dir, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(ClaimAttempt::DirectoryBusy(Box::new(pending))),
        Err(error) => return Err(error.into()),
    }
    let Pending { path, dir, lock } = pending;
    let stamp = stamp(&fstat(&dir)?);
    let guard = Tenure { path, dir: DirectoryLock(dir), dir_stamp: stamp, lock: Mutex::new(lock) };
    // Between opening and locking, both may have been replaced: then these locks guard nothing.
    match guard.check_now()? {
        OfficeCheck::Held => Ok(ClaimAttempt::Won(Box::new(guard))),
        OfficeCheck::Remade | OfficeCheck::Contested | OfficeCheck::Superseded => {
            Ok(ClaimAttempt::Held { by: None })
        }
    }
}

struct Pending {
    path: PathBuf,
    dir: HeldDirectory,
    lock: RecordLock,
}

#[async_trait]
impl PendingTenure for Pending {
    async fn retry(self: Box<Self>) -> io::Result<ClaimAttempt> {
        lock_directory(*self)
    }

    fn holders(&self) -> Vec<Pid> {
        directory_holders(&self.dir).unwrap_or_default()
    }
}

/// The directory's `flock`. Unlocks explicitly: a copy of the descriptor in a forked child would keep it.
struct DirectoryLock(HeldDirectory);

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

/// Both locks.
struct Tenure {
    path: PathBuf,
    // Dropped first: whoever sees the lock file free then finds the directory free too.
    dir: DirectoryLock,
    dir_stamp: FileStamp,
    lock: Mutex<RecordLock>,
}

impl Tenure {
    fn check_now(&self) -> io::Result<OfficeCheck> {
        match stat_at(CWD, &self.path)? {
            Some(stamp) if stamp.same_file(self.dir_stamp) => {}
            _ => return Ok(OfficeCheck::Superseded),
        }
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let at_path = stat_at(self.dir.0.as_fd(), Path::new(WORKER_LOCK))?;
        if at_path.is_some_and(|stamp| stamp.same_file(lock.stamp)) {
            // Locking again what is locked does nothing, and mends it if some code of this process opened and closed the file.
            return match fcntl_lock(&lock.file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => Ok(OfficeCheck::Held),
                Err(Errno::AGAIN | Errno::ACCESS) => Ok(OfficeCheck::Contested),
                Err(error) => Err(error.into()),
            };
        }
        match try_record_lock(&self.dir.0)? {
            Record::Locked(remade) => {
                *lock = remade;
                Ok(OfficeCheck::Remade)
            }
            Record::Held { .. } => Ok(OfficeCheck::Contested),
        }
    }
}

#[async_trait]
impl TenureGuard for Tenure {
    async fn check(&self) -> io::Result<OfficeCheck> {
        self.check_now()
    }

    fn directory(&self) -> &dyn Directory {
        &self.dir.0
    }
}
