//! The `*at` calls.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::Stamp;

impl From<Stat> for Stamp {
    // The fields' types differ between systems.
    #[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, clippy::useless_conversion)]
    fn from(stat: Stat) -> Self {
        Self { identity: (stat.st_dev as u64, stat.st_ino as u64), size: stat.st_size as u64 }
    }
}

pub(super) fn stamp_of(file: &File) -> io::Result<Stamp> {
    Ok(rustix::fs::fstat(file)?.into())
}

#[derive(Debug)]
pub(crate) struct LogDirectory(OwnedFd);

impl LogDirectory {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// The same, made first if it is not there.
    pub(crate) fn open_or_make(path: &Path) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Self::open(path),
        }
    }

    /// The file's stamp; `None` if there is none.
    pub(crate) fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A new, empty file for this user only, to be appended to.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        // Appending, since the launcher of another session and this worker's children write to it as well.
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// The file that is there, to be appended to and to be read.
    pub(crate) fn reopen(&self, name: &str) -> io::Result<File> {
        // Whoever put a pipe there must not make this wait for a reader.
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = rustix::fs::openat(&self.0, name, flags | OFlags::NOCTTY, Mode::empty())?.into();
        match FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) {
            FileType::RegularFile => Ok(file),
            other => Err(io::Error::other(format!("{name} is no file, but a {other:?}"))),
        }
    }

    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// Removes the file if it is there.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            other => Ok(other?),
        }
    }
}
