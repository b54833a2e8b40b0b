use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

struct Log {
    dir: TempDir,
    log: LogFile,
}

impl Log {
    fn new(max_bytes: u64, keep: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = LogFile::new(&dir.path().join("logs/child.log"), LogLimits { max_bytes, keep });
        Self { dir, log }
    }

    /// With this log in its place already.
    fn with(max_bytes: u64, keep: u32, before: &str) -> Self {
        let log = Self::new(max_bytes, keep);
        fs::create_dir(log.dir.path().join("logs")).unwrap();
        fs::write(log.path("child.log"), before).unwrap();
        log
    }

    fn say(&mut self, text: &str) {
        self.log.append(text.as_bytes(), true).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("logs").join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// What is in the log and its predecessors, the newest first.
    fn all(&self) -> Vec<String> {
        let names =
            ["child.log".to_owned()].into_iter().chain((1..9).map(|number| format!("child.log.{number}")));
        names.map_while(|name| fs::read_to_string(self.path(&name)).ok()).collect()
    }
}

#[test]
fn a_log_is_turned_before_the_line_that_would_make_it_too_large() {
    let mut log = Log::new(10, 2);
    log.say("12345\n");
    log.say("789\n");
    assert_eq!(log.all(), ["12345\n789\n"], "just full");
    log.say("a\n");
    assert_eq!(log.all(), ["a\n", "12345\n789\n"]);
    log.say("234567\n");
    assert_eq!(log.all(), ["a\n234567\n", "12345\n789\n"]);
    log.say("b\n");
    assert_eq!(log.all(), ["b\n", "a\n234567\n", "12345\n789\n"]);
    log.say("c is long\n");
    assert_eq!(log.all(), ["c is long\n", "b\n", "a\n234567\n"], "the oldest goes");
}

#[test]
fn lines_that_are_appended_together_are_parted_between_lines() {
    let mut log = Log::new(10, 5);
    log.say("one\ntwo\nthree\nfour\nfive\n");
    assert_eq!(log.all(), ["four\nfive\n", "three\n", "one\ntwo\n"]);
    let mut log = Log::new(10, 5);
    log.say("one\n");
    log.say("this is longer than a log may be\ntwo\n");
    assert_eq!(log.all(), ["two\n", "this is longer than a log may be\n", "one\n"]);
    let mut log = Log::new(0, 1);
    log.say("one\ntwo\n");
    assert_eq!(log.all(), ["two\n", "one\n"]);
}

#[test]
fn with_none_to_keep_a_full_log_is_begun_anew() {
    let mut log = Log::new(10, 0);
    log.say("one\ntwo\nthree\n");
    assert_eq!(log.all(), ["three\n"]);
}

#[test]
fn a_log_of_an_earlier_tenure_is_gone_on_with_and_its_unfinished_line_is_ended() {
    let mut log = Log::with(100, 2, "before\n");
    log.say("after\n");
    assert_eq!(log.read("child.log"), "before\nafter\n");
    let mut log = Log::with(100, 2, "before\nunfin");
    log.say("after\n");
    log.log.append(b"par", true).unwrap();
    log.log.append(b"ted\n", false).unwrap();
    assert_eq!(log.read("child.log"), "before\nunfin\nafter\nparted\n");
    let mut log = Log::with(10, 2, "longer than it may be\n");
    log.say("after\n");
    assert_eq!(log.all(), ["after\n", "longer than it may be\n"]);
}

#[test]
fn a_log_that_is_deleted_is_made_again() {
    let mut log = Log::new(100, 2);
    log.say("one\n");
    fs::remove_file(log.path("child.log")).unwrap();
    log.say("two\n");
    assert_eq!(log.read("child.log"), "two\n");
}

#[test]
fn what_could_not_be_written_is_told_and_can_be_written_once_nothing_is_in_the_way() {
    let mut log = Log::new(10, 2);
    log.say("one\n");
    // A directory in the way can't be unlinked.
    fs::create_dir(log.path("child.log.next")).unwrap();
    let unwritten = log.log.append(b"two\nthree\nfour\n", true).unwrap_err();
    assert_eq!(unwritten.left, b"three\nfour\n".len());
    assert_eq!(log.all(), ["one\ntwo\n"], "it does not grow beyond its limit");
    fs::remove_dir(log.path("child.log.next")).unwrap();
    log.say("five\n");
    assert_eq!(log.all(), ["five\n", "one\ntwo\n"]);
}

#[test]
fn a_log_that_somebody_else_put_there_is_gone_on_with_and_kept_within_bounds() {
    let mut log = Log::new(10, 2);
    log.say("one\n");
    fs::rename(log.path("child.log"), log.path("child.log.old")).unwrap();
    fs::write(log.path("child.log"), "new\n").unwrap();
    log.say("two\n");
    log.say("three\n");
    assert_eq!(log.read("child.log.old"), "one\n");
    assert_eq!(log.all(), ["three\n", "new\ntwo\n"]);
}

#[test]
fn a_log_is_for_this_user_only_and_neither_a_link_nor_a_pipe_is_followed() {
    let mut log = Log::new(100, 2);
    log.say("one\n");
    let mode = |name: &str| fs::metadata(log.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("child.log"), mode("")), (0o600, 0o700));

    let mut log = Log::with(100, 2, "");
    fs::remove_file(log.path("child.log")).unwrap();
    fs::write(log.path("precious"), "precious\n").unwrap();
    symlink(log.path("precious"), log.path("child.log")).unwrap();
    assert_eq!(log.log.append(b"one\n", true).unwrap_err().left, 4);
    assert_eq!(log.read("precious"), "precious\n");

    fs::remove_file(log.path("child.log")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(log.path("child.log")).status().unwrap();
    assert!(pipe.success());
    assert_eq!(log.log.append(b"one\n", true).unwrap_err().left, 4);
    fs::remove_file(log.path("child.log")).unwrap();
    log.say("one\n");
    assert_eq!(log.read("child.log"), "one\n");
}

#[test]
fn nothing_is_written_into_a_directory_that_took_the_place_of_ours() {
    let mut log = Log::new(10, 2);
    log.say("one\n");
    fs::rename(log.path(""), log.dir.path().join("logs.old")).unwrap();
    fs::create_dir(log.path("")).unwrap();
    log.say("two\n");
    log.say("three\n");
    assert_eq!(fs::read_dir(log.path("")).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(log.dir.path().join("logs.old/child.log")).unwrap(), "three\n");
}
