//! By path: the tenure lock's open handle keeps the state directory from being replaced on Windows.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::Stamp;

pub(super) fn stamp_of(file: &File) -> io::Result<Stamp> {
    Ok(Stamp::of_unknown_file(file.metadata()?.len()))
}

#[derive(Debug)]
pub(crate) struct LogDirectory(PathBuf);

impl LogDirectory {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        std::fs::read_dir(path)?;
        Ok(Self(path.to_owned()))
    }

    /// The same, made first if it is not there.
    pub(crate) fn open_or_make(path: &Path) -> io::Result<Self> {
        match std::fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Self::open(path),
        }
    }

    /// The file's stamp; `None` if there is none.
    pub(crate) fn stamp(&self, name: &str) -> io::Result<Option<Stamp>> {
        match std::fs::symlink_metadata(self.0.join(name)) {
            Ok(metadata) => Ok(Some(Stamp::of_unknown_file(metadata.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A new, empty file, to be appended to.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).create_new(true).open(self.0.join(name))
    }

    /// The file that is there, to be appended to and to be read.
    pub(crate) fn reopen(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().append(true).read(true).open(self.0.join(name))
    }

    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.0.join(from), self.0.join(to))
    }

    /// Removes the file if it is there.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}
