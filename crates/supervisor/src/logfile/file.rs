//! A log that one thread of this process writes, rotated before it gets too large.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::directory::{LogDirectory, Stamp};
use super::limits::LogLimits;
use super::rotation::{Destination, Room, Rotation};

/// The log at a path. It is opened for the first line, and again when another file is at the path.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    limits: LogLimits,
    rotation: Option<Rotation<AppendedFile>>,
}

/// What could not be written.
#[derive(Debug)]
pub(crate) struct Unwritten {
    /// How many bytes at the end are missing.
    pub(crate) left: usize,
    /// Why.
    pub(crate) error: io::Error,
}

impl LogFile {
    pub(crate) fn new(path: &Path, limits: LogLimits) -> Self {
        Self { path: path.to_owned(), limits, rotation: None }
    }

    /// Appends bytes. `begins`: they start at the beginning of a line, so an unfinished line in the
    /// log is ended first.
    ///
    /// Bytes that do not fit go to the next file. The cut is between two lines if possible.
    pub(crate) fn append(&mut self, bytes: &[u8], begins: bool) -> Result<(), Unwritten> {
        let mut left = bytes;
        match self.try_append(&mut left, begins) {
            Ok(()) => Ok(()),
            Err(error) => Err(Unwritten { left: left.len(), error }),
        }
    }

    fn try_append(&mut self, left: &mut &[u8], begins: bool) -> io::Result<()> {
        let rotation = match &mut self.rotation {
            Some(rotation) => rotation,
            none => none.insert(open(&self.path, self.limits)?),
        };
        while !left.is_empty() {
            match rotation.room()? {
                Room::Before(size) => match lines_within(left, size) {
                    0 => rotation.rotate()?,
                    fitting => rotation.destination.write(left, fitting, begins)?,
                },
                // Rotating an empty log would not help.
                Room::Empty(size) => {
                    let fitting = lines_within(left, size).max(first_line(left));
                    rotation.destination.write(left, fitting, begins)?;
                }
            }
        }
        Ok(())
    }
}

fn open(path: &Path, limits: LogLimits) -> io::Result<Rotation<AppendedFile>> {
    let no_path =
        || io::Error::new(io::ErrorKind::InvalidInput, format!("{path:?} is not the path of a log"));
    let name = path.file_name().and_then(|name| name.to_str());
    let (parent, name) = path.parent().zip(name).ok_or_else(no_path)?;
    let directory = LogDirectory::open_or_make(parent)?;
    Ok(Rotation::new(directory, name, AppendedFile::default(), limits))
}

/// Returns how many of the bytes fit: all, or those of the whole lines that fit.
fn lines_within(bytes: &[u8], room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    match bytes.get(..room) {
        Some(fitting) if room < bytes.len() => {
            fitting.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
        }
        _ => bytes.len(),
    }
}

fn first_line(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1)
}

/// The open file.
#[derive(Debug, Default)]
struct AppendedFile {
    file: Option<File>,
    /// Whether its content ends within a line.
    within_line: bool,
}

impl Destination for AppendedFile {
    /// Otherwise the other file would grow without a limit.
    const ADOPTS: bool = true;

    fn stamp(&self) -> io::Result<Option<Stamp>> {
        self.file.as_ref().map(Stamp::of).transpose()
    }

    fn switch_to(&mut self, file: File) -> io::Result<()> {
        self.within_line = ends_within_line(&file)?;
        self.file = Some(file);
        Ok(())
    }
}

impl AppendedFile {
    /// Writes `count` bytes, and takes what was written off their front.
    fn write(&mut self, left: &mut &[u8], count: usize, begins: bool) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        if begins && self.within_line {
            file.write_all(b"\n")?;
            self.within_line = false;
        }
        let end = left.len() - count;
        while left.len() > end {
            match file.write(&left[..left.len() - end]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.within_line = left[written - 1] != b'\n';
                    *left = &left[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn ends_within_line(mut file: &File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
