//! A log and its rotated predecessors, read as the one text that they are.
//!
//! Files are renamed while they are looked at. They are opened from the newest to the oldest, the way in which they move: so one may be met
//! twice, and is passed over then, but none is missed.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// One of the files, and how long it was when it was opened.
#[derive(Debug)]
pub(super) struct LogPiece {
    pub(super) file: File,
    pub(super) end: u64,
}

/// The log's files, from the newest on: the log itself, then those with `.1`, `.2` and so on.
pub(super) struct LogPieces<'a> {
    path: &'a Path,
    number: u32,
    last: Option<Metadata>,
}

/// The files of the log at this path.
pub(super) fn pieces(path: &Path) -> LogPieces<'_> {
    LogPieces { path, number: 0, last: None }
}

impl LogPieces<'_> {
    /// The next one. In the middle of a rotation one number is missing.
    fn open_next(&mut self) -> io::Result<Option<(LogPiece, Metadata)>> {
        for _ in 0..2 {
            let path = numbered(self.path, self.number);
            self.number += 1;
            match File::open(path) {
                Ok(file) => {
                    let metadata = file.metadata()?;
                    return Ok(Some((LogPiece { file, end: metadata.len() }, metadata)));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

impl Iterator for LogPieces<'_> {
    type Item = io::Result<LogPiece>;

    fn next(&mut self) -> Option<io::Result<LogPiece>> {
        loop {
            let (piece, metadata) = match self.open_next() {
                Ok(next) => next?,
                Err(error) => return Some(Err(error)),
            };
            let again = self.last.as_ref().is_some_and(|last| same_file(last, &metadata));
            self.last = Some(metadata);
            if !again {
                return Some(Ok(piece));
            }
        }
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut numbered = OsString::from(path);
    numbered.push(format!(".{number}"));
    numbered.into()
}

#[cfg(unix)]
pub(super) fn same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Windows names no file in its stable metadata; two logs are not made in the same 100 ns.
#[cfg(not(unix))]
pub(super) fn same_file(a: &Metadata, b: &Metadata) -> bool {
    a.created().ok() == b.created().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::*;

    fn texts(path: &Path) -> Vec<String> {
        let text = |piece: io::Result<LogPiece>| {
            let mut text = String::new();
            piece.unwrap().file.read_to_string(&mut text).unwrap();
            text
        };
        pieces(path).map(text).collect()
    }

    #[test]
    fn the_files_of_a_log_are_found_during_a_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("child.log");
        assert!(texts(&path).is_empty());
        for (number, text) in ["now", "before", "once"].into_iter().enumerate() {
            fs::write(numbered(&path, number.try_into().unwrap()), text).unwrap();
        }
        fs::write(dir.path().join("child.log.7"), "long forgotten").unwrap();
        fs::write(dir.path().join("child.log.next"), "").unwrap();
        assert_eq!(texts(&path), ["now", "before", "once"]);
        fs::rename(numbered(&path, 2), numbered(&path, 3)).unwrap();
        assert_eq!(texts(&path), ["now", "before", "once"]);
        fs::rename(numbered(&path, 1), numbered(&path, 2)).unwrap();
        fs::rename(&path, numbered(&path, 1)).unwrap();
        assert_eq!(texts(&path), ["now", "before", "once"]);
    }

    #[test]
    fn a_file_that_moves_while_it_is_looked_at_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("child.log");
        fs::write(&path, "one").unwrap();
        fs::write(numbered(&path, 1), "two").unwrap();
        let mut found = pieces(&path);
        found.next().unwrap().unwrap();
        fs::rename(numbered(&path, 1), numbered(&path, 2)).unwrap();
        fs::rename(&path, numbered(&path, 1)).unwrap();
        let mut second = String::new();
        found.next().unwrap().unwrap().file.read_to_string(&mut second).unwrap();
        assert_eq!(second, "two");
        assert!(found.next().is_none());
    }
}
