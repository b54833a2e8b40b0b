//! A log that is written by one thread of this process, rotated before it gets too large.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::directory::{LogDirectory, Stamp};
use super::rotation::{Output, Room, Rotation};

/// The log at a path. It is opened when the first line is written, and again whenever that is no longer the file at the path.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    max_bytes: u64,
    keep: u32,
    rotation: Option<Rotation<Appended>>,
}

/// What could not be written.
#[derive(Debug)]
pub(crate) struct Unwritten {
    /// So many bytes, at the end.
    pub(crate) left: usize,
    /// Why.
    pub(crate) error: io::Error,
}

impl LogFile {
    pub(crate) fn new(path: &Path, max_bytes: u64, keep: u32) -> Self {
        Self { path: path.to_owned(), max_bytes, keep, rotation: None }
    }

    /// Appends whole lines, or parts of one. `begins`: they begin with the beginning of a line, so what is there must end with the end of one.
    ///
    /// What does not fit any more goes into the next file; the cut is between two lines where there is an end of one.
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
            none => none.insert(begin(&self.path, self.max_bytes, self.keep)?),
        };
        while !left.is_empty() {
            match rotation.room()? {
                Room::Before(size) => match lines_within(left, size) {
                    0 => rotation.turn()?,
                    fitting => rotation.output.write(left, fitting, begins)?,
                },
                // Nothing would be gained by turning this one.
                Room::Empty(size) => {
                    let fitting = lines_within(left, size).max(first_line(left));
                    rotation.output.write(left, fitting, begins)?;
                }
            }
        }
        Ok(())
    }
}

fn begin(path: &Path, max_bytes: u64, keep: u32) -> io::Result<Rotation<Appended>> {
    let no_path =
        || io::Error::new(io::ErrorKind::InvalidInput, format!("{path:?} is not the path of a log"));
    let name = path.file_name().and_then(|name| name.to_str());
    let (parent, name) = path.parent().zip(name).ok_or_else(no_path)?;
    let directory = LogDirectory::open_or_make(parent)?;
    Ok(Rotation::new(directory, name, Appended::default(), max_bytes, keep))
}

/// How many of the bytes fit into so much room: all, or the whole lines among them.
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
struct Appended {
    file: Option<File>,
    /// What is in it ends within a line.
    within_line: bool,
}

impl Output for Appended {
    /// Else nobody would keep what is written to the other file within bounds.
    const ADOPTS: bool = true;

    fn stamp(&self) -> io::Result<Option<Stamp>> {
        self.file.as_ref().map(Stamp::of).transpose()
    }

    fn turn_to(&mut self, file: File) -> io::Result<()> {
        self.within_line = ends_within_line(&file)?;
        self.file = Some(file);
        Ok(())
    }
}

impl Appended {
    /// Writes so many bytes, and takes what was written off their front.
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
