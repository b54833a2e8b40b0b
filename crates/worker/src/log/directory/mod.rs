//! The directory of the logs, held open: if the state directory is replaced under a worker, its log must not go into the stranger's.

#[cfg(not(unix))]
#[path = "other.rs"]
mod imp;
#[cfg(unix)]
#[path = "unix.rs"]
mod imp;

use std::fs::File;
use std::io;

pub(crate) use imp::LogDirectory;

/// Which file, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Device and inode; the same for all files where the system gives none.
    identity: (u64, u64),
    /// Bytes.
    pub(crate) size: u64,
}

impl Stamp {
    pub(crate) fn same_file(self, other: Self) -> bool {
        self.identity == other.identity
    }

    /// Of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        imp::stamp_of(file)
    }

    #[cfg(not(unix))]
    pub(crate) fn of_unknown_file(size: u64) -> Self {
        Self { identity: (0, 0), size }
    }
}
