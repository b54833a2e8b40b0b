//! The election: `named-lock`'s `flock` on `spawn.lock`.
//!
//! Three things that crate does not do are done here. It opens whatever is at the path, and would wait for ever for a FIFO's reader: so
//! what is no file is refused first. It keeps an opened lock for the whole process as long as anybody there has it, and checks no path: if
//! the lock file was replaced meanwhile, two sessions would each hold "the" lock. So only one thread at a time opens, locks or lets go
//! ([`ALONE`]), which makes every opening a fresh one; and after locking, the file that was at the path before must be there still, and
//! be busy. And its guard says nothing when an unlock fails; closing the descriptor, which follows, unlocks as well.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use named_lock::{Error, NamedLock, NamedLockGuard};
use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags, flock, fstat, open};
use rustix::io::Errno;

use crate::layout;
use crate::machine::ElectionGuard;
use crate::system::files::{stamp, stat_at};

/// Held while a lock of this process is opened, taken or released.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Elected {
    rank: u8,
    guard: Option<NamedLockGuard>,
}

impl ElectionGuard for Elected {
    fn rank(&self) -> u8 {
        self.rank
    }
}

impl Drop for Elected {
    fn drop(&mut self) {
        let _alone = alone();
        self.guard = None;
    }
}

pub(super) fn try_elect(dir: &Path, rank: u8) -> io::Result<Option<Box<dyn ElectionGuard>>> {
    let path = dir.join(layout::election_lock(rank));
    let _alone = alone();
    let file = open_file(&path)?;
    // `with_path`, never `create`: that one puts the lock into $TMPDIR, and two values of it make two locks.
    let lock = NamedLock::with_path(&path).map_err(into_io)?;
    let guard = match lock.try_lock() {
        Ok(guard) => guard,
        Err(Error::WouldBlock) => return Ok(None),
        Err(error) => return Err(into_io(error)),
    };
    let there = stat_at(CWD, &path)?;
    let replaced = there.is_none_or(|there| fstat(&file).is_ok_and(|mine| !stamp(&mine).same_file(there)));
    if replaced || !is_busy(&file)? {
        // This guard guards nothing.
        return Ok(None);
    }
    Ok(Some(Box::new(Elected { rank, guard: Some(guard) })))
}

/// The lock file, made if it is missing. Nothing but a file will do.
fn open_file(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = open(path, flags, Mode::RUSR | Mode::WUSR);
    let refused =
        |why: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()));
    match opened {
        Ok(file) if FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile => Ok(file),
        Ok(_) => Err(refused("it is not a regular file")),
        Err(Errno::LOOP) => Err(refused("it is a symbolic link")),
        Err(error) => Err(error.into()),
    }
}

/// Whether the file is locked through another handle than this one.
fn is_busy(file: &OwnedFd) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
        Ok(()) => {
            // Explicitly: a child forked just now has a copy of the descriptor, which would keep the lock.
            flock(file, FlockOperation::Unlock)?;
            Ok(false)
        }
    }
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::CreateFailed(source) => source,
        other => io::Error::other(other),
    }
}
