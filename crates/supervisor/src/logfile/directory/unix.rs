//! By an open descriptor and the `*at` calls.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::stamp::Stamp;

// The fields' types differ between systems.
#[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, clippy::useless_conversion)]
fn stamp(stat: Stat) -> Stamp {
    Stamp { identity: (stat.st_dev as u64, stat.st_ino as u64), size: stat.st_size as u64 }
}

impl Stamp {
    /// Returns the stamp of an open file.
    ///
    /// # Errors
    /// If the system can't tell.
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        Ok(stamp(rustix::fs::fstat(file)?))
    }
}

/// The open directory.
#[derive(Debug)]
pub(crate) struct LogDirectory(OwnedFd);

impl LogDirectory {
    /// Opens the directory.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Opens the directory. Creates it first if it does not exist.
    pub(crate) fn open_or_make(path: &Path) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Self::open(path),
        }
    }

    /// Returns the file's stamp, or `None` if there is no such file.
    pub(crate) fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stamp(stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Creates an empty file for appending that only this user can read.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        // Appending, since the launchers of other sessions and this daemon's children write to it
        // too.
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Opens an existing file for appending and reading.
    pub(crate) fn reopen(&self, name: &str) -> io::Result<File> {
        // A pipe in its place must not make this wait for a reader.
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = rustix::fs::openat(&self.0, name, flags | OFlags::NOCTTY, Mode::empty())?.into();
        match FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) {
            FileType::RegularFile => Ok(file),
            other => Err(io::Error::other(format!("{name} is no file, but a {other:?}"))),
        }
    }

    /// Renames a file within the directory.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// Removes the file, if there is one.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            other => Ok(other?),
        }
    }
}
