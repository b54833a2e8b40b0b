use super::*;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

struct OpenFile(File);

impl Destination for OpenFile {
    const ADOPTS: bool = false;
    fn stamp(&self) -> io::Result<Option<Stamp>> {
        Stamp::of(&self.0).map(Some)
    }
    fn switch_to(&mut self, file: File) -> io::Result<()> {
        self.0 = file;
        Ok(())
    }
}

const NOW: Moment = Moment { nanos: 1_000_000_000 };

struct Log {
    dir: TempDir,
    rotation: Rotation<OpenFile>,
}

impl Log {
    fn new(keep: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker.log");
        let file = File::options().append(true).create(true).open(&path).unwrap();
        let rotation = Rotation::adopt(&path, OpenFile(file), LogLimits { max_bytes: 10, keep }).unwrap();
        Self { dir, rotation }
    }
    fn say(&mut self, text: &str) {
        self.rotation.destination.0.write_all(text.as_bytes()).unwrap();
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
        log.rotation.rotate_if_due(NOW);
    }
    log.say("the rest");
    log.rotation.rotate_if_due(NOW);
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
    log.rotation.rotate_if_due(NOW);
    assert_eq!(log.names(), ["worker.log"]);
    assert_eq!(log.read("worker.log"), "");
}

#[test]
fn a_deleted_log_is_begun_again() {
    let mut log = Log::new(2);
    std::fs::remove_file(log.path("worker.log")).unwrap();
    log.rotation.rotate_if_due(NOW);
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
    log.rotation = Rotation::adopt(&path, OpenFile(file), LogLimits { max_bytes: 10, keep: 2 }).unwrap();
    std::fs::rename(&new, &old).unwrap();
    std::fs::create_dir(&new).unwrap();
    log.say("more than ten bytes");
    log.rotation.rotate_if_due(NOW);
    assert_eq!(new.read_dir().unwrap().count(), 0);
    assert!(old.join("worker.log.1").exists());
}

#[test]
fn output_that_goes_elsewhere_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("worker.log");
    std::fs::write(&path, "another worker's").unwrap();
    let limits = LogLimits { max_bytes: 1, keep: 1 };
    let elsewhere = OpenFile(tempfile::tempfile().unwrap());
    assert!(Rotation::adopt(&path, elsewhere, limits).is_none());
    let elsewhere = OpenFile(tempfile::tempfile().unwrap());
    assert!(Rotation::adopt(&dir.path().join("none"), elsewhere, limits).is_none());
}

#[test]
fn a_failure_leaves_the_log_as_it_was_and_is_not_retried_at_once() {
    let mut log = Log::new(2);
    log.say("more than ten bytes");
    // A directory in the way can't be unlinked.
    std::fs::create_dir(log.path("worker.log.next")).unwrap();
    log.rotation.rotate_if_due(NOW);
    std::fs::remove_dir(log.path("worker.log.next")).unwrap();
    log.rotation.rotate_if_due(NOW);
    assert_eq!(log.names(), ["worker.log"]);
    log.rotation.rotate_if_due(NOW + PAUSE_AFTER_FAILURE);
    assert_eq!(log.names(), ["worker.log", "worker.log.1"]);
}
