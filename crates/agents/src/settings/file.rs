//! Replaces a file of another program: as a whole, or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use diffy::DiffOptions;
use tempfile::Builder;
use thiserror::Error;

/// Settings are small. A larger file is something else.
const MOST: u64 = 8 * 1024 * 1024;

/// Why a file is left as it is.
#[derive(Debug, Error)]
#[error("{} {problem}", path.display())]
#[non_exhaustive]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: FileProblem,
}

/// What keeps a file from being read, written or removed. The words follow the file's path.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// The path is a link, and its target does not exist.
    #[error("is a link to nothing")]
    DanglingLink,
    /// The path can't be resolved.
    #[error("can't be found: {0}")]
    NotFound(io::Error),
    /// The file can't be read as text.
    #[error("can't be read: {0}")]
    Unreadable(io::Error),
    /// The path has no parent directory.
    #[error("has no directory")]
    NoDirectory,
    /// The file is read-only.
    #[error("is read-only")]
    ReadOnly,
    /// The file can't be written.
    #[error("can't be written: {0}")]
    Unwritable(io::Error),
    /// The file has changed since it was read.
    #[error("has changed meanwhile")]
    Changed,
    /// The file can't be removed.
    #[error("can't be removed: {0}")]
    NotRemovable(io::Error),
}

/// A file of another program, as it was read.
#[derive(Debug)]
pub struct WrittenFile {
    /// The path after all links were followed.
    target: PathBuf,
    text: Option<String>,
}

impl WrittenFile {
    /// Reads a file. A missing file is no error.
    ///
    /// # Errors
    /// If the path is no readable file of text, or a link to nothing.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let failed = |problem| FileError { path: path.to_owned(), problem };
        let target = match fs::canonicalize(path) {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if fs::symlink_metadata(path).is_ok() {
                    return Err(failed(FileProblem::DanglingLink));
                }
                return Ok(Self { target: path.to_owned(), text: None });
            }
            Err(error) => return Err(failed(FileProblem::NotFound(error))),
        };
        let text = read_text(&target).map_err(|error| failed(FileProblem::Unreadable(error)))?;
        Ok(Self { target, text: Some(text) })
    }

    /// Returns what the file contained, or `None` if there was no file.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Replaces the file by this text as a whole, or leaves it as it is. The file keeps its mode and its owner.
    ///
    /// # Errors
    /// If the file is read-only, has changed since it was read, or can't be written.
    pub fn write(&self, text: &str) -> Result<(), FileError> {
        let target = &self.target;
        let failed = |problem| FileError { path: target.clone(), problem };
        let unwritable = |error| failed(FileProblem::Unwritable(error));
        let dir = target.parent().ok_or_else(|| failed(FileProblem::NoDirectory))?;
        fs::create_dir_all(dir).map_err(unwritable)?;
        let metadata = match fs::metadata(target) {
            Ok(metadata) if metadata.permissions().readonly() => return Err(failed(FileProblem::ReadOnly)),
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unwritable(error)),
        };
        let mut new = new_file(dir).map_err(unwritable)?;
        if let Some(metadata) = &metadata {
            keep_owner(new.as_file(), metadata).map_err(unwritable)?;
            new.as_file().set_permissions(metadata.permissions()).map_err(unwritable)?;
        }
        new.write_all(text.as_bytes()).and_then(|()| new.as_file().sync_all()).map_err(unwritable)?;
        // The file's own program may have written it while the user decided.
        let now = match &metadata {
            Some(_) => Some(read_text(target).map_err(unwritable)?),
            None => None,
        };
        if now != self.text {
            return Err(failed(FileProblem::Changed));
        }
        let placed = match &metadata {
            Some(_) => new.persist(target),
            None => new.persist_noclobber(target),
        };
        placed.map_err(|error| unwritable(error.error))?;
        sync_directory(dir).map_err(unwritable)
    }

    /// Removes the file.
    ///
    /// # Errors
    /// If it can't be removed.
    pub fn remove(&self) -> Result<(), FileError> {
        fs::remove_file(&self.target).map_err(|error| FileError {
            path: self.target.clone(),
            problem: FileProblem::NotRemovable(error),
        })
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(MOST + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MOST {
        return Err(io::Error::other(format!("it is larger than {MOST} bytes")));
    }
    Ok(text)
}

/// A file beside the target, with the rights that a new file gets there.
#[cfg(unix)]
fn new_file(dir: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    Builder::new().prefix(".oneworker-").permissions(fs::Permissions::from_mode(0o666)).tempfile_in(dir)
}

#[cfg(not(unix))]
fn new_file(dir: &Path) -> io::Result<tempfile::NamedTempFile> {
    Builder::new().prefix(".oneworker-").tempfile_in(dir)
}

/// Keeps the owner of a file that belongs to another user.
#[cfg(unix)]
fn keep_owner(file: &File, of: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (of.uid(), of.gid()) {
        fchown(file, Some(of.uid()), Some(of.gid()))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_owner(_file: &File, _of: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// The new name is durable once its directory is synced.
#[cfg(unix)]
fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// A directory can't be opened as a file there.
#[cfg(not(unix))]
fn sync_directory(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns what would change, in the form of `diff -u`. Line ends are not shown, because none is ever changed.
#[must_use]
pub fn difference(path: &Path, before: &str, after: &str) -> String {
    let name = path.display().to_string();
    let [before, after] = [before, after].map(|text| text.replace("\r\n", "\n"));
    let mut options = DiffOptions::new();
    options.set_original_filename(name.clone()).set_modified_filename(name);
    options.create_patch(&before, &after).to_string()
}

#[cfg(test)]
mod tests;
