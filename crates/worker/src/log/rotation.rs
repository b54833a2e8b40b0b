//! Rotation by size: a daemon that lives for months must not fill the disk with its log, nor write for ever into a file that was deleted.
//!
//! `worker.log` becomes `worker.log.1`, that `worker.log.2`, and so on; the oldest goes. The new file is made *first*, so that a full disk or
//! a used-up file table leaves everything as it was. Only the worker in office rotates, and only if its standard error *is* the log:
//! under a service manager or in a terminal it is not, and nothing is touched.

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
    fn stamp(&self) -> io::Result<Stamp>;
    fn turn_to(&mut self, file: File) -> io::Result<()>;
}

/// The process's own standard error.
#[derive(Debug)]
pub(crate) struct StandardError;

impl Output for StandardError {
    fn stamp(&self) -> io::Result<Stamp> {
        crate::stderr::stamp()
    }
    fn turn_to(&mut self, file: File) -> io::Result<()> {
        crate::stderr::redirect(file)
    }
}

/// The rotation of one log.
#[derive(Debug)]
pub(crate) struct Rotation<O: Output = StandardError> {
    directory: LogDirectory,
    name: String,
    output: O,
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
        let name = path.file_name()?.to_str()?.to_owned();
        let directory = LogDirectory::open(path.parent()?).ok()?;
        let ours = directory.stamp(&name).ok()??.same_file(output.stamp().ok()?);
        ours.then_some(Self { directory, name, output, max_bytes, keep, not_before: None })
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
        match self.directory.stamp(&self.name)? {
            Some(at_path) if at_path.same_file(self.output.stamp()?) => {
                if at_path.size <= self.max_bytes {
                    return Ok(());
                }
                let next = self.create_next()?;
                self.shift()?;
                self.put_in_place(next)
            }
            // Somebody else's rotation: what it put there is not ours to shift away.
            Some(_) => Ok(()),
            None => {
                let next = self.create_next()?;
                self.put_in_place(next)
            }
        }
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
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use tempfile::TempDir;

    struct Held(File);

    impl Output for Held {
        fn stamp(&self) -> io::Result<Stamp> {
            Ok(rustix::fs::fstat(&self.0)?.into())
        }
        fn turn_to(&mut self, file: File) -> io::Result<()> {
            self.0 = file;
            Ok(())
        }
    }

    const NOW: Moment = Moment { nanos: 1_000_000_000 };

    struct Log {
        dir: TempDir,
        rotation: Rotation<Held>,
    }

    impl Log {
        fn new(keep: u32) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("worker.log");
            let file = File::options().append(true).create(true).open(&path).unwrap();
            let rotation = Rotation::adopt(&path, Held(file), 10, keep).unwrap();
            Self { dir, rotation }
        }
        fn say(&mut self, text: &str) {
            self.rotation.output.0.write_all(text.as_bytes()).unwrap();
        }
        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }
        fn names(&self) -> Vec<String> {
            let mut names: Vec<_> = self
                .dir
                .path()
                .read_dir()
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        }
        fn read(&self, name: &str) -> String {
            std::fs::read_to_string(self.path(name)).unwrap()
        }
    }

    #[test]
    fn a_full_log_is_moved_up_and_so_are_its_predecessors_and_the_oldest_goes() {
        let mut log = Log::new(2);
        for round in 1..=4 {
            log.say(&format!("this is round {round}"));
            log.rotation.tend(NOW);
        }
        log.say("the rest");
        log.rotation.tend(NOW);
        assert_eq!(log.names(), ["worker.log", "worker.log.1", "worker.log.2"]);
        assert_eq!(log.read("worker.log"), "the rest");
        assert_eq!(log.read("worker.log.1"), "this is round 4");
        assert_eq!(log.read("worker.log.2"), "this is round 3");
        assert_eq!(std::fs::metadata(log.path("worker.log")).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn with_none_to_keep_a_full_log_is_begun_anew() {
        let mut log = Log::new(0);
        log.say("more than ten bytes");
        log.rotation.tend(NOW);
        assert_eq!(log.names(), ["worker.log"]);
        assert_eq!(log.read("worker.log"), "");
    }

    #[test]
    fn a_deleted_log_is_begun_again() {
        let mut log = Log::new(2);
        std::fs::remove_file(log.path("worker.log")).unwrap();
        log.rotation.tend(NOW);
        log.say("still heard");
        assert_eq!(log.read("worker.log"), "still heard");
    }

    #[test]
    fn nothing_is_written_into_a_directory_that_took_the_place_of_ours() {
        let mut log = Log::new(2);
        let (old, new) = (log.path("logs.old"), log.path("logs"));
        std::fs::create_dir(&new).unwrap();
        let path = new.join("worker.log");
        let file = File::options().append(true).create(true).open(&path).unwrap();
        log.rotation = Rotation::adopt(&path, Held(file), 10, 2).unwrap();
        std::fs::rename(&new, &old).unwrap();
        std::fs::create_dir(&new).unwrap();
        log.say("more than ten bytes");
        log.rotation.tend(NOW);
        assert_eq!(new.read_dir().unwrap().count(), 0);
        assert!(old.join("worker.log.1").exists());
    }

    #[test]
    fn output_that_goes_elsewhere_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker.log");
        std::fs::write(&path, "another worker's").unwrap();
        let elsewhere = Held(tempfile::tempfile().unwrap());
        assert!(Rotation::adopt(&path, elsewhere, 1, 1).is_none());
        assert!(
            Rotation::adopt(&dir.path().join("none"), Held(tempfile::tempfile().unwrap()), 1, 1).is_none()
        );
    }

    #[test]
    fn a_failure_leaves_the_log_as_it_was_and_is_not_retried_at_once() {
        let mut log = Log::new(2);
        log.say("more than ten bytes");
        // A directory in the way can't be unlinked.
        std::fs::create_dir(log.path("worker.log.next")).unwrap();
        log.rotation.tend(NOW);
        std::fs::remove_dir(log.path("worker.log.next")).unwrap();
        log.rotation.tend(NOW);
        assert_eq!(log.names(), ["worker.log"]);
        log.rotation.tend(NOW + PAUSE_AFTER_FAILURE);
        assert_eq!(log.names(), ["worker.log", "worker.log.1"]);
    }
}
