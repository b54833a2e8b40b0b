//! Rotation by size. A daemon that runs for months must not fill the disk with its log, nor keep
//! writing to a file that was deleted.
//!
//! `NAME` becomes `NAME.1`, `NAME.1` becomes `NAME.2`, and so on; the oldest file is overwritten.
//! The new file is created first, so that a full disk or a full file table changes nothing.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use coordinator::machine::Moment;

use super::directory::{LogDirectory, Stamp};
use super::limits::LogLimits;

/// How long nothing is tried after a failure, such as a full disk.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// What the lines of a log are written to.
pub trait Destination: Send {
    /// Whether to continue with a file that another program put in the log's place. Otherwise that
    /// file is left alone.
    const ADOPTS: bool;
    /// Returns which file is written to, or `None` if none is open yet.
    ///
    /// # Errors
    /// If the system can't tell.
    fn stamp(&self) -> io::Result<Option<Stamp>>;
    /// Writes to this file from now on.
    ///
    /// # Errors
    /// If the file can't be used.
    fn switch_to(&mut self, file: File) -> io::Result<()>;
}

/// How many bytes more a log takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// The log is empty, and takes this many.
    Empty(u64),
    /// This many, then it must be rotated.
    Before(u64),
}

/// The rotation of one log.
#[derive(Debug)]
pub struct Rotation<D> {
    directory: LogDirectory,
    name: String,
    pub(super) destination: D,
    limits: LogLimits,
    /// Set after a failure.
    not_before: Option<Moment>,
}

impl<D: Destination> Rotation<D> {
    /// Takes over the log at this path. Returns `None` if `destination` is another file.
    pub fn adopt(path: &Path, destination: D, limits: LogLimits) -> Option<Self> {
        let directory = LogDirectory::open(path.parent()?).ok()?;
        let name = path.file_name()?.to_str()?;
        let ours = directory.stamp(name).ok()??.same_file(destination.stamp().ok()??);
        ours.then(|| Self::new(directory, name, destination, limits))
    }

    /// Rotates the log of this name in the directory, whether it exists yet or not.
    pub(super) fn new(directory: LogDirectory, name: &str, destination: D, limits: LogLimits) -> Self {
        Self { directory, name: name.to_owned(), destination, limits, not_before: None }
    }

    /// Rotates the log if it is too large. Starts a new one if it was deleted or moved away. A
    /// failure is logged, and leaves the log as it was.
    pub fn rotate_if_due(&mut self, now: Moment) {
        if self.not_before.is_some_and(|not_before| now < not_before) {
            return;
        }
        match self.try_rotate_if_due() {
            Ok(()) => self.not_before = None,
            Err(error) => {
                self.not_before = Some(now + PAUSE_AFTER_FAILURE);
                tracing::warn!("the log can't be rotated, and goes on growing: {error}");
            }
        }
    }

    fn try_rotate_if_due(&mut self) -> io::Result<()> {
        match self.follow_path()? {
            Some(size) if size > self.limits.max_bytes => self.rotate(),
            _ => Ok(()),
        }
    }

    /// Returns how many bytes more the log takes before it must be rotated.
    pub(super) fn room(&mut self) -> io::Result<Room> {
        Ok(match self.follow_path()? {
            Some(0) => Room::Empty(self.limits.max_bytes),
            Some(size) => Room::Before(self.limits.max_bytes.saturating_sub(size)),
            None => Room::Before(u64::MAX),
        })
    }

    /// Makes the destination the file at the log's path, and returns its size. Returns `None` if
    /// another program put a file there that is left alone.
    fn follow_path(&mut self) -> io::Result<Option<u64>> {
        let held = self.destination.stamp()?;
        match self.directory.stamp(&self.name)? {
            Some(at_path) if held.is_some_and(|held| at_path.same_file(held)) => Ok(Some(at_path.size)),
            Some(_) if D::ADOPTS => {
                let file = self.directory.reopen(&self.name)?;
                let size = Stamp::of(&file)?.size;
                self.destination.switch_to(file)?;
                Ok(Some(size))
            }
            // Another program rotates this log: its file is not ours to rename.
            Some(_) => Ok(None),
            None => {
                let next = self.create_next()?;
                self.put_in_place(next)?;
                Ok(Some(0))
            }
        }
    }

    /// Starts a new log, and renames the others.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        let next = self.create_next()?;
        self.shift()?;
        self.put_in_place(next)
    }

    fn create_next(&self) -> io::Result<File> {
        let next = self.next_name();
        // A process that died here may have left it behind.
        self.directory.remove(&next)?;
        self.directory.create(&next)
    }

    fn put_in_place(&mut self, next: File) -> io::Result<()> {
        self.directory.rename(&self.next_name(), &self.name)?;
        self.destination.switch_to(next)
    }

    /// Renames each log to the next number, beginning with the oldest, which is overwritten.
    fn shift(&self) -> io::Result<()> {
        for number in (1..=self.limits.keep).rev() {
            let from = if number == 1 { self.name.clone() } else { self.numbered(number - 1) };
            if self.directory.stamp(&from)?.is_some() {
                self.directory.rename(&from, &self.numbered(number))?;
            }
        }
        Ok(())
    }

    fn next_name(&self) -> String {
        format!("{}.next", self.name)
    }

    fn numbered(&self, number: u32) -> String {
        format!("{}.{number}", self.name)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
