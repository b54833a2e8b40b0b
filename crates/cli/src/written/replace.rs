//! Replacing a file whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use diffy::DiffOptions;
use tempfile::Builder;

/// Settings are small; what is larger is something else.
const MOST: u64 = 8 * 1024 * 1024;

/// Why a file is left as it is: what, and why.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

/// A file as it was read.
pub(crate) struct WrittenFile {
    /// Where it is, links followed.
    target: PathBuf,
    /// What is in it; `None` if there is no file.
    pub(crate) text: Option<String>,
}

impl WrittenFile {
    /// Reads a file. That there is none is no error.
    ///
    /// # Errors
    /// If it is no file of text that we can read, or a link to nothing.
    pub(crate) fn read(path: &Path) -> Result<Self, Refused> {
        let refused = |why: String| Refused(format!("{} {why}", path.display()));
        let target = match fs::canonicalize(path) {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if fs::symlink_metadata(path).is_ok() {
                    return Err(refused("is a link to nothing".to_owned()));
                }
                return Ok(Self { target: path.to_owned(), text: None });
            }
            Err(error) => return Err(refused(format!("can't be found: {error}"))),
        };
        let text = read_text(&target).map_err(|error| refused(format!("can't be read: {error}")))?;
        Ok(Self { target, text: Some(text) })
    }

    /// Puts this text into its place: all of it, or nothing. The file keeps its mode and its owner.
    ///
    /// # Errors
    /// If it is read-only, if it has changed since it was read, or if it can't be written.
    pub(crate) fn write(&self, text: &str) -> Result<(), Refused> {
        let target = &self.target;
        let refused = |why: String| Refused(format!("{} {why}", target.display()));
        let failed = |error: io::Error| refused(format!("can't be written: {error}"));
        let dir = target.parent().ok_or_else(|| refused("has no directory".to_owned()))?;
        fs::create_dir_all(dir).map_err(failed)?;
        let metadata = match fs::metadata(target) {
            Ok(metadata) if metadata.permissions().readonly() => {
                return Err(refused("is read-only".to_owned()));
            }
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let mut new = new_file(dir).map_err(failed)?;
        if let Some(metadata) = &metadata {
            keep_owner(new.as_file(), metadata).map_err(failed)?;
            new.as_file().set_permissions(metadata.permissions()).map_err(failed)?;
        }
        new.write_all(text.as_bytes()).and_then(|()| new.as_file().sync_all()).map_err(failed)?;
        // Its own program may have written meanwhile, while somebody thought about the answer.
        let now = match &metadata {
            Some(_) => Some(read_text(target).map_err(failed)?),
            None => None,
        };
        if now != self.text {
            return Err(refused("has changed meanwhile".to_owned()));
        }
        let placed = match &metadata {
            Some(_) => new.persist(target),
            None => new.persist_noclobber(target),
        };
        placed.map_err(|error| failed(error.error))?;
        sync_directory(dir).map_err(failed)
    }

    /// Takes the file away.
    ///
    /// # Errors
    /// If that is not possible.
    pub(crate) fn remove(&self) -> Result<(), Refused> {
        fs::remove_file(&self.target)
            .map_err(|error| Refused(format!("{} can't be removed: {error}", self.target.display())))
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

/// With the rights that a new file gets here.
#[cfg(unix)]
fn new_file(dir: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    Builder::new().prefix(".oneworker-").permissions(fs::Permissions::from_mode(0o666)).tempfile_in(dir)
}

#[cfg(not(unix))]
fn new_file(dir: &Path) -> io::Result<tempfile::NamedTempFile> {
    Builder::new().prefix(".oneworker-").tempfile_in(dir)
}

/// A file of another user stays that user's.
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

/// The new name is durable once its directory is.
#[cfg(unix)]
fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// A directory can't be opened as a file there.
#[cfg(not(unix))]
fn sync_directory(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// What would change, as `diff -u` shows it. Line ends are not shown, since none is ever changed.
pub(crate) fn difference(path: &Path, before: &str, after: &str) -> String {
    let name = path.display().to_string();
    let [before, after] = [before, after].map(|text| text.replace("\r\n", "\n"));
    let mut options = DiffOptions::new();
    options.set_original_filename(name.clone()).set_modified_filename(name);
    options.create_patch(&before, &after).to_string()
}

#[cfg(test)]
mod tests;
