//! `-f`: what is written to a log from now on, whatever file it goes to.
//!
//! A rotated log is another file of the same name, or the same file cut short. What was written to the old one before that is printed
//! first. The reader may go away while nothing is written: then this ends too, quietly.

use std::fs::{File, Metadata};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

/// How often the file is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Follows the file at a path.
pub(super) struct Follower {
    path: PathBuf,
    open: Option<(File, u64)>,
}

impl Follower {
    /// Goes on behind what was read already; `None` if there was no file yet.
    pub(super) fn new(path: PathBuf, open: Option<(File, u64)>) -> Self {
        Self { path, open }
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
        let current = match File::open(&self.path) {
            Ok(file) => Some(file),
            // In the middle of a rotation, or no log yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if let Some((file, position)) = &mut self.open {
            if file.metadata()?.len() < *position {
                *position = 0;
            }
            file.seek(SeekFrom::Start(*position))?;
            *position += io::copy(file, out)?;
        }
        if let Some(mut current) = current
            && !self.is_open(&current.metadata()?)?
        {
            let position = io::copy(&mut current, out)?;
            self.open = Some((current, position));
        }
        out.flush()
    }

    fn is_open(&self, other: &Metadata) -> io::Result<bool> {
        match &self.open {
            Some((file, _)) => Ok(same_file(&file.metadata()?, other)),
            None => Ok(false),
        }
    }
}

#[cfg(unix)]
fn same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Windows names no file in its stable metadata; two logs are not made in the same 100 ns.
#[cfg(not(unix))]
fn same_file(a: &Metadata, b: &Metadata) -> bool {
    a.created().ok() == b.created().ok()
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
}
