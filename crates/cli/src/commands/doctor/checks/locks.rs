//! Locks exclude: tried with a scratch file and a second process, in both kinds that the tenure lock is made of.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Case, Finding};
use crate::exit::{self, Exit};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    if !case.exists {
        return Vec::new();
    }
    let scratch = Scratch(case.dir.join(format!("doctor.{}.scratch", std::process::id())));
    match scratch.test() {
        Ok(true) => Vec::new(),
        Ok(false) => {
            let message = format!("locks in {} do not exclude another process", case.dir.display());
            vec![Finding::problem(
                message,
                "Name a directory on another file system, with --state-dir or ONEWORKER_STATE_DIR.",
            )]
        }
        Err(error) => {
            let message = format!("a lock in {} can't be tried: {error}", case.dir.display());
            vec![Finding::problem(
                message,
                "Make sure that the file system can be written to, and that this user may do so.",
            )]
        }
    }
}

/// The file; gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    /// Whether a second process finds it locked.
    fn test(&self) -> io::Result<bool> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&self.0)?;
        if !lock(&file)? {
            return Err(io::Error::other("somebody else has locked a file that was just made"));
        }
        let status = Command::new(std::env::current_exe()?)
            .args(["doctor", "--no-config", "--try-lock"])
            .arg(&self.0)
            .status()?;
        drop(file);
        match status.code() {
            Some(0) => Ok(true),
            Some(code) if code == i32::from(FREE.0) => Ok(false),
            _ => Err(io::Error::other(format!("the second process {status}"))),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The second process could lock the file.
const FREE: Exit = Exit(7);

/// The second process's part: 0 if the file is locked.
pub(in super::super) fn try_from_here(path: &Path) -> Exit {
    match OpenOptions::new().read(true).write(true).open(path).and_then(|file| lock_either(&file)) {
        Ok(true) => FREE,
        Ok(false) => exit::OK,
        Err(_) => exit::OTHER,
    }
}

/// Locks it in every kind; whether that was possible.
fn lock(file: &File) -> io::Result<bool> {
    Ok(whole(file)? && record(file)?)
}

/// Whether it can be locked in some kind.
fn lock_either(file: &File) -> io::Result<bool> {
    Ok(whole(file)? || record(file)?)
}

fn whole(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(unix)]
fn record(file: &File) -> io::Result<bool> {
    use rustix::fs::{FlockOperation, fcntl_lock};
    use rustix::io::Errno;
    match fcntl_lock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// There is one kind only.
#[cfg(not(unix))]
fn record(file: &File) -> io::Result<bool> {
    whole(file)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nobody_has_locked_is_found_free_and_one_that_is_locked_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(try_from_here(file.path()), FREE);
        let held = File::open(file.path()).unwrap();
        held.lock().unwrap();
        // Record locks are of the process, so only the other kind can be seen from here.
        assert!(!whole(file.as_file()).unwrap());
    }
}
