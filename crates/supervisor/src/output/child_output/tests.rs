use std::fs;
use std::future::poll_fn;
use std::io::{PipeWriter, Write, pipe};
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;

#[cfg(target_os = "linux")]
mod full_disk;

const PATIENCE: Duration = Duration::from_secs(300);

/// A child's output, as a test writes it.
struct Said {
    dir: TempDir,
    output: ChildOutput,
    pipe: Option<PipeWriter>,
}

impl Said {
    fn new(max_bytes: u64, keep: u32) -> Self {
        Self::new_in(tempfile::tempdir().unwrap(), max_bytes, keep)
    }

    fn new_in(dir: TempDir, max_bytes: u64, keep: u32) -> Self {
        let (reader, writer) = pipe().unwrap();
        let limits = LogLimits { max_bytes, keep };
        let output = ChildOutput::collect(reader, &dir.path().join("logs/child.log"), limits).unwrap();
        Self { dir, output, pipe: Some(writer) }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.pipe.as_mut().unwrap().write_all(bytes).unwrap();
    }

    async fn says(&self, text: &str) {
        tokio::time::timeout(PATIENCE, self.output.contains(text)).await.expect("it was said");
    }

    /// Waits for the end of what was said.
    fn end(&mut self) {
        self.pipe = None;
        wait_for("the end", || self.output.is_over());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("logs").join(name)
    }

    /// What stands there, without the times.
    fn logged(&self, name: &str) -> Vec<Vec<u8>> {
        untimed(&fs::read(self.path(name)).unwrap())
    }

    fn files(&self) -> Vec<(String, u64)> {
        let entries = fs::read_dir(self.path("")).into_iter().flatten().flatten();
        // One that was renamed since it was listed has no size here.
        let size = |entry: &fs::DirEntry| entry.metadata().map_or(0, |metadata| metadata.len());
        entries.map(|entry| (entry.file_name().into_string().unwrap(), size(&entry))).collect()
    }
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "waited {PATIENCE:?} in vain for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The lines, each without the time that it has to begin with.
fn untimed(log: &[u8]) -> Vec<Vec<u8>> {
    let log = log.strip_suffix(b"\n").expect("the last line is ended");
    let lines = log.split(|byte| *byte == b'\n');
    lines
        .map(|line| {
            let (time, text) = line.split_at(crate::logfile::timestamp().len() + 1);
            assert!(time.starts_with(b"2") && time.ends_with(b"Z "), "{}", String::from_utf8_lossy(line));
            text.to_owned()
        })
        .collect()
}

/// Whether the future is done when it is looked at once.
async fn is_done(mut future: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

#[test]
fn every_line_is_logged_with_its_time_and_its_very_bytes() {
    let mut child = Said::new(1 << 20, 1);
    child.say(b"one\n\ntw");
    child.say(b"o \xff\xfe \x1b[31m\r\nunfinished");
    child.end();
    assert_eq!(child.logged("child.log"), [b"one" as &[u8], b"", b"two \xff\xfe \x1b[31m\r", b"unfinished"]);
}

#[test]
fn a_question_without_a_line_end_is_in_the_log_while_the_child_waits_with_it() {
    let mut child = Said::new(1 << 20, 1);
    child.say(b"password: ");
    wait_for("the question", || {
        fs::read(child.path("child.log")).is_ok_and(|log| log.ends_with(b"password: "))
    });
    child.say(b"no\n");
    child.end();
    assert_eq!(child.logged("child.log"), [b"password: no"]);
}

#[test]
fn a_flood_is_read_to_its_end_and_uses_neither_disk_nor_memory() {
    const MAX: u64 = 256 * 1024;
    let mut child = Said::new(MAX, 2);
    let mut pipe = child.pipe.take().unwrap();
    let flood = thread::spawn(move || {
        let line = [b'x'; 79];
        let lines = [&line, b"\n" as &[u8]].concat().repeat(1024);
        for _ in 0..512 {
            pipe.write_all(&lines).unwrap();
        }
        pipe.write_all(b"the last line\n").unwrap();
    });
    let mut largest = 0;
    wait_for("the end of the flood", || {
        let files = child.files();
        // The next one is made before the oldest goes.
        assert!(files.len() <= 4, "{files:?}");
        largest = files.iter().map(|(_, size)| *size).max().unwrap_or(0).max(largest);
        child.output.is_over()
    });
    flood.join().unwrap();
    assert!(largest <= MAX, "a log of {largest} bytes");
    let mut names: Vec<_> = child.files().into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["child.log", "child.log.1", "child.log.2"]);
    assert_eq!(child.logged("child.log").last().unwrap(), b"the last line");
    assert!(child.output.tail().ends_with("xxx\nthe last line\n"));
    // Every line is whole, whichever file it is in.
    for name in ["child.log.1", "child.log.2"] {
        assert!(child.logged(name).iter().all(|line| line.len() == 79), "{name}");
    }
    assert!(child.output.0.history().memory() < 512 * 1024);
}

#[test]
fn an_endless_line_is_cut_into_pieces_and_nothing_of_it_is_lost() {
    let mut child = Said::new(1 << 30, 0);
    for _ in 0..64 {
        child.say(&[b'x'; 50_000]);
    }
    child.end();
    let pieces = child.logged("child.log");
    assert_eq!(pieces.iter().map(Vec::len).max(), Some(super::super::lines::LONGEST));
    assert_eq!(pieces.iter().map(Vec::len).sum::<usize>(), 64 * 50_000);
    assert!(pieces.iter().flatten().all(|byte| *byte == b'x'));
    assert!(child.output.0.history().memory() < 512 * 1024);
}

#[test]
fn a_log_that_can_not_be_written_does_not_stop_the_child_and_what_was_lost_is_counted() {
    let mut child = Said::new(1 << 20, 1);
    fs::create_dir_all(child.path("child.log")).unwrap();
    let dropped = b"nobody can write this down\n".repeat(40_000);
    child.say(&dropped);
    child.say(b"heard\n");
    wait_for("all of it to be read", || child.output.tail().ends_with("heard\n"));
    assert!(child.path("child.log").is_dir());
    fs::remove_dir(child.path("child.log")).unwrap();
    child.say(b"written\n");
    child.end();
    let lines = child.logged("child.log");
    let note = String::from_utf8(lines[0].clone()).unwrap();
    let lost: usize = note.strip_prefix('(').unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(note.contains("bytes of output were lost"), "{note}");
    assert_eq!(lost, dropped.len() + b"heard\n".len());
    assert_eq!(lines[1..], [b"written"]);
}

#[cfg(unix)]
#[test]
fn a_deleted_log_is_begun_again() {
    let mut child = Said::new(1 << 20, 1);
    child.say(b"one\n");
    wait_for("the log", || fs::metadata(child.path("child.log")).is_ok_and(|log| log.len() > 0));
    fs::remove_file(child.path("child.log")).unwrap();
    child.say(b"two\n");
    child.end();
    assert_eq!(child.logged("child.log"), [b"two"]);
}

#[tokio::test]
async fn a_text_is_found_whether_it_was_said_before_or_after_it_is_waited_for() {
    let mut child = Said::new(1 << 20, 1);
    child.say(b"listening on 80\n");
    wait_for("it to be heard", || !child.output.tail().is_empty());
    child.says("listening").await;
    let output = child.output.clone();
    let mut ready = pin!(output.contains("ready to serve"));
    assert!(!is_done(ready.as_mut()).await);
    child.say(b"not rea");
    child.says("not rea").await;
    child.say(b"dy\nready to");
    child.says("ready to").await;
    assert!(!is_done(ready.as_mut()).await, "half of it is not all of it");
    child.say(b" serve");
    tokio::time::timeout(PATIENCE, ready).await.expect("it was said, in an unfinished line");
    child.end();
    assert!(!is_done(pin!(child.output.contains("80\nnot"))).await, "a text of two lines is in none");
}

#[tokio::test]
async fn a_wait_that_was_given_up_is_taken_up_where_it_was() {
    let mut child = Said::new(1 << 20, 1);
    assert!(!is_done(pin!(child.output.contains("ready"))).await);
    child.say(b"ready\n");
    // Far more than what is kept of the output.
    child.say(&b"and on it goes\n".repeat(100_000));
    child.end();
    assert!(is_done(pin!(child.output.contains("ready"))).await);
}

#[test]
fn the_tail_is_printable_whole_lines_and_not_long() {
    let mut child = Said::new(1 << 20, 1);
    child.say(b"\x1b[31mred\x07\tand\r\nnot \xff UTF-8\n");
    child.end();
    assert_eq!(child.output.tail(), "\u{fffd}[31mred\u{fffd}\tand\nnot \u{fffd} UTF-8\n");

    let mut child = Said::new(1 << 20, 1);
    child.say(&b"a line of some length\n".repeat(1000));
    child.say(b"the end");
    child.end();
    let tail = child.output.tail();
    assert!(tail.len() <= 4096 && tail.len() > 4000, "{} bytes", tail.len());
    assert!(tail.starts_with("a line") && tail.ends_with("length\nthe end"), "{tail}");

    let mut child = Said::new(1 << 20, 1);
    child.say(&[0xff; 10_000]);
    child.end();
    let tail = child.output.tail();
    assert!(tail.len() <= 4096 && tail.len() > 4090, "{} bytes", tail.len());
}

#[test]
fn it_is_over_when_the_last_writer_is_gone() {
    let mut child = Said::new(1 << 20, 1);
    let grandchild = child.pipe.as_ref().unwrap().try_clone().unwrap();
    child.say(b"one\n");
    child.pipe = None;
    wait_for("the line", || child.output.tail() == "one\n");
    assert!(!child.output.is_over());
    drop(grandchild);
    child.end();
}
