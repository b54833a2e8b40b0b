//! The calls that the lock scheme rests on, as Linux and macOS have them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use named_lock::{Error, NamedLock, NamedLockGuard};
use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags, fcntl_lock, flock, fstat, openat};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, fcntl_getlk};

use crate::files::{HeldDirectory, stamp, stat_at};
use oneworker_protocol::lock_scheme::{LockCalls, Opening, RecordHolder, Sharing, UnixLocks};
use oneworker_protocol::machine::{FileStamp, Pid};

mod holders;

/// The scheme of [`oneworker_protocol::lock_scheme`], over this system's calls.
pub(crate) type SystemLocks = UnixLocks<SystemLockCalls>;

/// This process's locks. To be called once: what they remember holds for the whole process, and [`crate::machine`], which keeps the
/// only ones, makes it so.
pub(crate) fn locks() -> SystemLocks {
    UnixLocks::new(SystemLockCalls)
}

/// The calls.
pub(crate) struct SystemLockCalls;

/// Held while a named lock of this process is opened, taken or released. `named-lock` keeps an opened lock for the whole process as long as
/// anybody there has it: one at a time makes every opening a fresh one, of the file that is at the path.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A held named lock. Its own guard says nothing when an unlock fails; closing the descriptor, which follows, unlocks as well.
pub(crate) struct Named(Option<NamedLockGuard>);

impl Drop for Named {
    fn drop(&mut self) {
        let _alone = alone();
        self.0 = None;
    }
}

#[async_trait]
impl LockCalls for SystemLockCalls {
    type Directory = HeldDirectory;
    type File = OwnedFd;
    type Named = Named;

    fn me(&self) -> Pid {
        Pid(std::process::id())
    }

    async fn open_directory(&self, path: &Path) -> io::Result<HeldDirectory> {
        HeldDirectory::open(path)
    }

    async fn stat_path(&self, path: &Path) -> io::Result<Option<FileStamp>> {
        stat_at(CWD, path)
    }

    async fn stat_directory(&self, dir: &HeldDirectory) -> io::Result<FileStamp> {
        Ok(stamp(&fstat(dir)?))
    }

    async fn stat_in(&self, dir: &HeldDirectory, name: &str) -> io::Result<Option<FileStamp>> {
        stat_at(dir.as_fd(), Path::new(name))
    }

    async fn open_in(
        &self,
        dir: &HeldDirectory,
        name: &str,
        opening: Opening,
    ) -> io::Result<Option<OwnedFd>> {
        // O_NONBLOCK: opening a FIFO that somebody put there must not wait.
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let (flags, mode) = match opening {
            Opening::Existing => (flags, Mode::empty()),
            Opening::OrCreate => (flags | OFlags::CREATE, Mode::RUSR | Mode::WUSR),
        };
        let refused = |why: &str| {
            let path = dir.path().join(name);
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
        };
        match openat(dir, name, flags, mode) {
            Ok(file) if FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile => {
                Ok(Some(file))
            }
            // A directory can't be opened for writing, and a socket not at all (open(2)).
            Ok(_) | Err(Errno::ISDIR | Errno::NXIO | Errno::OPNOTSUPP) => {
                Err(refused("it is not a regular file"))
            }
            Err(Errno::LOOP) => Err(refused("it is a symbolic link")),
            Err(Errno::NOENT) if opening == Opening::Existing => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn stat_file(&self, file: &OwnedFd) -> io::Result<FileStamp> {
        Ok(stamp(&fstat(file)?))
    }

    async fn try_record_lock(&self, file: &OwnedFd) -> io::Result<bool> {
        match fcntl_lock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            // Which of the two is the system's choice (POSIX, fcntl).
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn record_lock_holder(&self, file: &OwnedFd) -> io::Result<Option<RecordHolder>> {
        let lock = fcntl_getlk(file, &Flock::from(FlockType::WriteLock))?;
        // Linux says 0 for a holder that this pid namespace can't see, and -1 for a lock of no process.
        let pid = |lock: Flock| u32::try_from(lock.pid?.as_raw_nonzero().get()).ok().map(Pid);
        Ok(lock.map(|lock| RecordHolder { pid: pid(lock) }))
    }

    fn unlock_record(&self, file: &OwnedFd) {
        let _ = fcntl_lock(file, FlockOperation::NonBlockingUnlock);
    }

    async fn try_flock_directory(&self, dir: &HeldDirectory, sharing: Sharing) -> io::Result<bool> {
        try_flock(dir.as_fd(), sharing)
    }

    fn unlock_directory(&self, dir: &HeldDirectory) {
        let _ = flock(dir, FlockOperation::Unlock);
    }

    fn directory_holders(&self, dir: &HeldDirectory) -> Vec<Pid> {
        holders::directory_holders(dir).unwrap_or_default()
    }

    async fn try_named_lock(&self, path: &Path) -> io::Result<Option<Named>> {
        let _alone = alone();
        // `with_path`, never `create`: that one puts the lock into $TMPDIR, and two values of it make two locks.
        let lock = NamedLock::with_path(path).map_err(into_io)?;
        match lock.try_lock() {
            Ok(guard) => Ok(Some(Named(Some(guard)))),
            Err(Error::WouldBlock) => Ok(None),
            Err(error) => Err(into_io(error)),
        }
    }

    async fn try_flock_file(&self, file: &OwnedFd) -> io::Result<bool> {
        try_flock(file.as_fd(), Sharing::Exclusive)
    }

    fn unlock_file(&self, file: &OwnedFd) {
        let _ = flock(file, FlockOperation::Unlock);
    }
}

fn try_flock(file: BorrowedFd<'_>, sharing: Sharing) -> io::Result<bool> {
    let operation = match sharing {
        Sharing::Shared => FlockOperation::NonBlockingLockShared,
        Sharing::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::CreateFailed(source) => source,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests;
