//! `-f`: what is written to a log from now on, whatever file it goes to.
//!
//! A rotated log is another file of the same name, or the same file cut short. What was written to the old one before that is printed
//! first, and then what is in files that came and went since the last look. The reader may go away while nothing is written: then this
//! ends too, quietly.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use super::chain::{LogPiece, pieces, same_file};

/// How often the file is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Follows the file at a path.
pub(super) struct Follower {
    path: PathBuf,
    open: Option<(File, u64)>,
    /// The file before the open one. Held open, so that no new file can be taken for it.
    older: Option<File>,
}

impl Follower {
    /// Goes on behind what was read already; `None` if there was no file yet.
    pub(super) fn new(path: PathBuf, open: Option<(File, u64)>) -> Self {
        let mut follower = Self { path, open, older: None };
        follower.older = follower.find_older();
        follower
    }

    fn find_older(&self) -> Option<File> {
        let open = self.open.as_ref()?.0.metadata().ok()?;
        let is_other = |piece: &LogPiece| piece.file.metadata().is_ok_and(|other| !same_file(&open, &other));
        pieces(&self.path).map_while(Result::ok).find(is_other).map(|piece| piece.file)
    }

    /// Prints until nobody reads any more.
    ///
    /// # Errors
    /// If reading or writing fails; `BrokenPipe` when the reader went away.
    pub(super) fn run(&mut self, out: &mut dyn Write) -> io::Result<()> {
        loop {
            self.step(out)?;
            if reader_gone(PERIOD) {
                return Ok(());
            }
        }
    }

    /// Prints what has been written since the last step.
    fn step(&mut self, out: &mut dyn Write) -> io::Result<()> {
        // Looked at before reading: what is written between the two is read either way.
        let newer = self.newer()?;
        if let Some((file, position)) = &mut self.open {
            if file.metadata()?.len() < *position {
                *position = 0;
            }
            file.seek(SeekFrom::Start(*position))?;
            *position += io::copy(file, out)?;
        }
        for LogPiece { mut file, .. } in newer.into_iter().rev() {
            let position = io::copy(&mut file, out)?;
            self.older = self.open.replace((file, position)).map(|(file, _)| file);
        }
        out.flush()
    }

    /// The files that came after the open one, the newest first.
    fn newer(&self) -> io::Result<Vec<LogPiece>> {
        let known = self.open.iter().map(|(file, _)| file).chain(&self.older).map(File::metadata);
        let known = known.collect::<io::Result<Vec<_>>>()?;
        let mut newer = Vec::new();
        for piece in pieces(&self.path) {
            let piece = piece?;
            let metadata = piece.file.metadata()?;
            if known.iter().any(|known| same_file(known, &metadata)) {
                break;
            }
            newer.push(piece);
        }
        Ok(newer)
    }
}

/// Waits, and says whether the reader of standard output went away meanwhile.
#[cfg(unix)]
fn reader_gone(pause: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let stdout = io::stdout();
    let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
    let timeout = Timespec::try_from(pause).ok();
    match poll(&mut watched, timeout.as_ref()) {
        Ok(_) => watched[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL),
        Err(_) => {
            std::thread::sleep(pause);
            false
        }
    }
}

/// Elsewhere the next line that is written tells.
#[cfg(not(unix))]
fn reader_gone(pause: Duration) -> bool {
    std::thread::sleep(pause);
    false
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn append(path: &std::path::Path, text: &str) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn lines_are_followed_across_rotation_and_truncation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker.log");
        let mut out = Vec::new();
        let mut follower = Follower::new(path.clone(), None);
        follower.step(&mut out).unwrap();
        append(&path, "one\n");
        follower.step(&mut out).unwrap();
        append(&path, "two\n");
        fs::rename(&path, dir.path().join("worker.log.1")).unwrap();
        follower.step(&mut out).unwrap();
        append(&dir.path().join("worker.log.1"), "late\n");
        append(&path, "three\n");
        follower.step(&mut out).unwrap();
        fs::write(&path, "4\n").unwrap();
        follower.step(&mut out).unwrap();
        follower.step(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "one\ntwo\nlate\nthree\n4\n");
    }

    #[test]
    fn several_rotations_between_two_reads_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker.log");
        let numbered = |number: u32| dir.path().join(format!("worker.log.{number}"));
        let mut out = Vec::new();
        append(&numbered(1), "printed long ago\n");
        append(&path, "one\n");
        let mut follower = Follower::new(path.clone(), Some((File::open(&path).unwrap(), 0)));
        for text in ["two\n", "three\n", "four\n"] {
            for number in (1..5).rev() {
                let _ = fs::rename(numbered(number), numbered(number + 1));
            }
            fs::rename(&path, numbered(1)).unwrap();
            append(&path, text);
        }
        follower.step(&mut out).unwrap();
        fs::remove_file(&path).unwrap();
        append(&path, "five\n");
        follower.step(&mut out).unwrap();
        follower.step(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "one\ntwo\nthree\nfour\nfive\n");
    }

    #[test]
    fn a_log_that_is_deleted_at_first_repeats_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker.log");
        let mut out = Vec::new();
        append(&dir.path().join("worker.log.1"), "printed long ago\n");
        append(&path, "one\n");
        let mut follower = Follower::new(path.clone(), Some((File::open(&path).unwrap(), 4)));
        fs::remove_file(&path).unwrap();
        append(&path, "two\n");
        follower.step(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "two\n");
    }
}
