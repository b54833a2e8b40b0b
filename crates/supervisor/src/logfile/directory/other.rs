//! By path: the tenure lock's open handle keeps the state directory from being replaced on Windows.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::stamp::Stamp;

impl Stamp {
    /// Returns the stamp of an open file.
    ///
    /// # Errors
    /// If the system can't tell.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(Self::of_unknown_file(file.metadata()?.len()))
    }

    /// Returns the stamp of a file of this size. This system does not tell files apart.
    pub fn of_unknown_file(size: u64) -> Self {
        Self { identity: (0, 0), size }
    }
}

/// The directory's path.
#[derive(Debug)]
pub(crate) struct LogDirectory(PathBuf);

impl LogDirectory {
    /// Checks that the directory can be read.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        std::fs::read_dir(path)?;
        Ok(Self(path.to_owned()))
    }

    /// Opens the directory. Creates it first if it does not exist.
    pub(crate) fn open_or_make(path: &Path) -> io::Result<Self> {
        match std::fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Self::open(path),
        }
    }

    /// Returns the file's stamp, or `None` if there is no such file.
    pub(crate) fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        match std::fs::symlink_metadata(self.0.join(name)) {
            Ok(metadata) => Ok(Some(Stamp::of_unknown_file(metadata.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an empty file for appending.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).create_new(true).open(self.0.join(name))
    }

    /// Opens an existing file for appending and reading.
    pub(crate) fn reopen(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).read(true).open(self.0.join(name))
    }

    /// Renames a file within the directory.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.0.join(from), self.0.join(to))
    }

    /// Removes the file, if there is one.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}
