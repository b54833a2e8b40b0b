//! The election: `named-lock`'s `flock` on `spawn.lock`.
//!
//! Two things that crate does not do are done here. It keeps no path-to-file check: if the lock file was replaced after it was
//! opened, two sessions would each hold "the" lock; so after locking, a handle of our own must find the path's file busy. And its
//! guard says nothing when an unlock fails; closing the descriptor, which follows, unlocks as well.

use std::io;
use std::path::Path;

use named_lock::{Error, NamedLock, NamedLockGuard};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;

use crate::layout;
use crate::machine::ElectionGuard;

struct Elected {
    rank: u8,
    _guard: NamedLockGuard,
}

impl ElectionGuard for Elected {
    fn rank(&self) -> u8 {
        self.rank
    }
}

pub(super) fn try_elect(dir: &Path, rank: u8) -> io::Result<Option<Box<dyn ElectionGuard>>> {
    let path = dir.join(layout::election_lock(rank));
    // `with_path`, never `create`: that one puts the lock into $TMPDIR, and two values of it make two locks.
    let lock = NamedLock::with_path(&path).map_err(into_io)?;
    let guard = match lock.try_lock() {
        Ok(guard) => guard,
        Err(Error::WouldBlock) => return Ok(None),
        Err(error) => return Err(into_io(error)),
    };
    if !is_busy(&path)? {
        // Replaced since it was opened: this guard guards nothing.
        return Ok(None);
    }
    Ok(Some(Box::new(Elected { rank, _guard: guard })))
}

fn is_busy(path: &Path) -> io::Result<bool> {
    let file = match open(path, OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
        Ok(()) => {
            // Explicitly: a child forked just now has a copy of the descriptor, which would keep the lock.
            flock(&file, FlockOperation::Unlock)?;
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
