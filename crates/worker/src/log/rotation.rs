//! Rotation by size: a daemon that lives for months must not fill the disk with its log, nor write for ever into a file that was deleted.
//!
//! `worker.log` becomes `worker.log.1`, that `worker.log.2`, and so on; the oldest goes. The new file is made *first*, so that a full disk or
//! a used-up file table leaves everything as it was. Only the worker in office rotates its log, and only if its standard error *is* the
//! log: under a service manager or in a terminal it is not, and nothing is touched. What its children say is rotated by the same rules.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use coordinator::machine::Moment;

use super::directory::{LogDirectory, Stamp};

/// After a failure, such as a full disk, nothing is tried for this long.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Where the log's lines go.
pub(crate) trait Output: Send {
    /// Whether a file that somebody else put in the log's place is gone on with. Else it is left to whoever did that.
    const ADOPTS: bool;
    /// Which file that is; `None` if none is open yet.
    fn stamp(&self) -> io::Result<Option<Stamp>>;
    fn turn_to(&mut self, file: File) -> io::Result<()>;
}

/// The process's own standard error.
#[derive(Debug)]
pub(crate) struct StandardError;

impl Output for StandardError {
    const ADOPTS: bool = false;
    fn stamp(&self) -> io::Result<Option<Stamp>> {
        crate::stderr::stamp().map(Some)
    }
    fn turn_to(&mut self, file: File) -> io::Result<()> {
        crate::stderr::redirect(file)
    }
}

/// How many bytes more a log takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// It has none so far.
    Empty(u64),
    /// So many before it has to be turned.
    Before(u64),
}

/// The rotation of one log.
#[derive(Debug)]
pub(crate) struct Rotation<O: Output = StandardError> {
    directory: LogDirectory,
    name: String,
    pub(super) output: O,
    max_bytes: u64,
    keep: u32,
    not_before: Option<Moment>,
}

impl Rotation {
    /// Takes over the log at this path, if standard error is it.
    pub(crate) fn of_standard_error(path: &Path, max_bytes: u64, keep: u32) -> Option<Self> {
        Self::adopt(path, StandardError, max_bytes, keep)
    }
}

impl<O: Output> Rotation<O> {
    fn adopt(path: &Path, output: O, max_bytes: u64, keep: u32) -> Option<Self> {
        let directory = LogDirectory::open(path.parent()?).ok()?;
        let name = path.file_name()?.to_str()?;
        let ours = directory.stamp(name).ok()??.same_file(output.stamp().ok()??);
        ours.then(|| Self::new(directory, name, output, max_bytes, keep))
    }

    /// Of the log with this name in the directory, whatever is there so far.
    pub(super) fn new(directory: LogDirectory, name: &str, output: O, max_bytes: u64, keep: u32) -> Self {
        Self { directory, name: name.to_owned(), output, max_bytes, keep, not_before: None }
    }

    /// Rotates if the log is too large, and begins a new one if it was deleted or moved away. A failure is logged, and harms nothing.
    pub(crate) fn tend(&mut self, now: Moment) {
        if self.not_before.is_some_and(|not_before| now < not_before) {
            return;
        }
        match self.turn_if_due() {
            Ok(()) => self.not_before = None,
            Err(error) => {
                self.not_before = Some(now + PAUSE_AFTER_FAILURE);
                tracing::warn!("the log can't be rotated, and goes on growing: {error}");
            }
        }
    }

    fn turn_if_due(&mut self) -> io::Result<()> {
        match self.settle()? {
            Some(size) if size > self.max_bytes => self.turn(),
            _ => Ok(()),
        }
    }

    /// How many bytes more the log takes before it has to be turned.
    pub(super) fn room(&mut self) -> io::Result<Room> {
        Ok(match self.settle()? {
            Some(0) => Room::Empty(self.max_bytes),
            Some(size) => Room::Before(self.max_bytes.saturating_sub(size)),
            None => Room::Before(u64::MAX),
        })
    }

    /// Sees to it that the output is the file at the log's path, and says how large that is; `None` if it is somebody else's.
    fn settle(&mut self) -> io::Result<Option<u64>> {
        let held = self.output.stamp()?;
        match self.directory.stamp(&self.name)? {
            Some(at_path) if held.is_some_and(|held| at_path.same_file(held)) => Ok(Some(at_path.size)),
            Some(_) if O::ADOPTS => {
                let file = self.directory.reopen(&self.name)?;
                let size = Stamp::of(&file)?.size;
                self.output.turn_to(file)?;
                Ok(Some(size))
            }
            // Somebody else's rotation: what it put there is not ours to shift away.
            Some(_) => Ok(None),
            None => {
                let next = self.create_next()?;
                self.put_in_place(next)?;
                Ok(Some(0))
            }
        }
    }

    /// Begins a new log, and moves the others up.
    pub(super) fn turn(&mut self) -> io::Result<()> {
        let next = self.create_next()?;
        self.shift()?;
        self.put_in_place(next)
    }

    fn create_next(&self) -> io::Result<File> {
        let next = self.next_name();
        // Left behind by a worker that ended in the middle of this.
        self.directory.remove(&next)?;
        self.directory.create(&next)
    }

    fn put_in_place(&mut self, next: File) -> io::Result<()> {
        self.directory.rename(&self.next_name(), &self.name)?;
        self.output.turn_to(next)
    }

    /// Moves each log one number up, beginning with the oldest, which is overwritten.
    fn shift(&self) -> io::Result<()> {
        for number in (1..=self.keep).rev() {
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
