//! The log of a child's output: each line with the time, and what could not be written counted.

use std::io;
use std::time::{Duration, Instant};

use super::lines::{LONGEST, Lines};
use crate::log::{self, LogFile, Unwritten};

/// So much is written at a time, at most.
const BUFFER: usize = 64 * 1024;

/// More than the time and a line end take.
const FRAME: usize = 64;

/// The worker's own log tells of losses no more often than this.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// Where the log's bytes go.
pub(super) trait Sink: Send {
    /// Appends them. `begins`: they begin with the beginning of a line.
    fn append(&mut self, bytes: &[u8], begins: bool) -> Result<(), Unwritten>;
}

impl Sink for LogFile {
    fn append(&mut self, bytes: &[u8], begins: bool) -> Result<(), Unwritten> {
        Self::append(self, bytes, begins)
    }
}

/// The log of one child.
#[derive(Debug)]
pub(super) struct OutputLog<S> {
    sink: S,
    name: String,
    lines: Lines,
    /// What is to be written next, whether it begins a line, and how much of it the child said.
    buffer: Vec<u8>,
    begins: bool,
    said: usize,
    /// The beginning of this line was not written.
    torn: bool,
    /// So many bytes of what the child said were dropped since something was last written.
    lost: u64,
    warned: Option<Instant>,
}

impl<S: Sink> OutputLog<S> {
    pub(super) fn new(sink: S, name: &str) -> Self {
        Self {
            sink,
            name: name.to_owned(),
            lines: Lines::default(),
            buffer: Vec::with_capacity(BUFFER),
            begins: true,
            said: 0,
            torn: false,
            lost: 0,
            warned: None,
        }
    }

    /// Whose log this is.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Writes what was said just now. A line that is not finished is written too: it may be a question that the child waits with.
    pub(super) fn take(&mut self, mut chunk: &[u8]) {
        let time = log::time();
        loop {
            let before = chunk.len();
            let Some(part) = self.lines.next(&mut chunk) else { break };
            if self.buffer.len() + part.text.len() + FRAME > BUFFER {
                self.write(&time);
            }
            let begins = part.begins || std::mem::take(&mut self.torn);
            if self.buffer.is_empty() {
                self.begins = begins;
            }
            if begins {
                self.buffer.extend_from_slice(time.as_bytes());
                self.buffer.push(b' ');
            }
            self.buffer.extend_from_slice(part.text);
            if part.ends {
                self.buffer.push(b'\n');
            }
            self.said += before - chunk.len();
        }
        self.write(&time);
    }

    /// Ends an unfinished line, and says what was lost last.
    pub(super) fn finish(&mut self) {
        if self.lines.is_within() && !self.torn {
            self.buffer.push(b'\n');
            self.begins = false;
        }
        self.write(&log::time());
    }

    fn write(&mut self, time: &str) {
        let note = match self.lost {
            0 => String::new(),
            lost => format!("{time} ({lost} bytes of output were lost, since they could not be written)\n"),
        };
        if !note.is_empty() {
            self.buffer.splice(..0, note.bytes());
            self.begins = true;
        }
        if self.buffer.is_empty() {
            return;
        }
        if let Err(Unwritten { left, error }) = self.sink.append(&self.buffer, self.begins) {
            self.note_loss(note.len(), left, &error);
        } else {
            self.lost = 0;
        }
        self.buffer.clear();
        self.said = 0;
    }

    fn note_loss(&mut self, note: usize, left: usize, error: &io::Error) {
        if self.warned.is_none_or(|warned| warned.elapsed() > WARN_EVERY) {
            self.warned = Some(Instant::now());
            tracing::warn!("the log of {} can't be written, and its output is dropped: {error}", self.name);
        }
        // Once the note is written, what it says is said.
        let noted = left <= self.buffer.len() - note;
        // Of what is left, the times are not the child's.
        self.lost = if noted { 0 } else { self.lost } + left.min(self.said) as u64;
        self.torn = self.buffer.last() != Some(&b'\n');
    }
}

const _: () = assert!(BUFFER > 2 * (LONGEST + FRAME));

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A disk with so much room.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Disk {
        fn room(&self, bytes: usize) {
            self.0.lock().unwrap().1 = bytes;
        }

        /// What was written, without the times.
        fn written(&self) -> String {
            let text = String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap();
            let frame = log::time().len() + 1;
            text.split_inclusive('\n').map(|line| line.get(frame..).unwrap_or("(torn)\n")).collect()
        }
    }

    impl Sink for Disk {
        fn append(&mut self, bytes: &[u8], begins: bool) -> Result<(), Unwritten> {
            let (written, room) = &mut *self.0.lock().unwrap();
            if begins && *room > 0 && written.last().is_some_and(|byte| *byte != b'\n') {
                written.push(b'\n');
            }
            let fitting = bytes.len().min(*room);
            written.extend_from_slice(&bytes[..fitting]);
            *room -= fitting;
            match bytes.len() - fitting {
                0 => Ok(()),
                left => Err(Unwritten { left, error: io::ErrorKind::StorageFull.into() }),
            }
        }
    }

    const PLENTY: usize = usize::MAX / 2;

    fn log() -> (Disk, OutputLog<Disk>) {
        let disk = Disk::default();
        disk.room(PLENTY);
        (disk.clone(), OutputLog::new(disk, "child"))
    }

    #[test]
    fn what_a_full_disk_does_not_take_is_counted_and_told_once_there_is_room() {
        let (disk, mut log) = log();
        log.take(b"one\n");
        disk.room(0);
        log.take(b"two\nthr");
        log.take(b"ee\nfour\n");
        disk.room(PLENTY);
        log.take(b"five\n");
        log.take(b"six\n");
        assert_eq!(
            disk.written(),
            "one\n(15 bytes of output were lost, since they could not be written)\nfive\nsix\n"
        );
    }

    #[test]
    fn a_line_whose_beginning_was_lost_is_a_line_of_its_own() {
        let (disk, mut log) = log();
        disk.room(0);
        log.take(b"one\nunfin");
        disk.room(PLENTY);
        log.take(b"ished\ntwo\n");
        assert_eq!(
            disk.written(),
            "(9 bytes of output were lost, since they could not be written)\nished\ntwo\n"
        );
    }

    #[test]
    fn a_disk_that_fills_within_a_line_leaves_the_next_one_whole() {
        let (disk, mut log) = log();
        disk.room(super::log::time().len() + 1 + 3);
        log.take(b"one two\n");
        disk.room(PLENTY);
        log.take(b"three\n");
        assert_eq!(
            disk.written(),
            "one\n(5 bytes of output were lost, since they could not be written)\nthree\n"
        );
    }

    #[test]
    fn what_was_lost_last_is_told_at_the_end_and_what_the_note_of_it_did_not_say_is_not_forgotten() {
        let (disk, mut log) = log();
        disk.room(0);
        log.take(b"one\n");
        // The note alone has room, and no more.
        let note = "(4 bytes of output were lost, since they could not be written)\n";
        disk.room(super::log::time().len() + 1 + note.len());
        log.take(b"two three\n");
        disk.room(0);
        log.take(b"unfinished");
        disk.room(PLENTY);
        log.finish();
        assert_eq!(
            disk.written(),
            format!("{note}(20 bytes of output were lost, since they could not be written)\n")
        );
    }

    #[test]
    fn a_chunk_is_written_in_one_piece_and_the_shortest_lines_do_not_make_the_buffer_grow() {
        struct Pieces(Vec<usize>);
        impl Sink for Pieces {
            fn append(&mut self, bytes: &[u8], _: bool) -> Result<(), Unwritten> {
                self.0.push(bytes.len());
                Ok(())
            }
        }
        let mut log = OutputLog::new(Pieces(Vec::new()), "child");
        let frame = super::log::time().len() + 1;
        log.take(&b"line\n".repeat(500));
        assert_eq!(log.sink.0, [500 * (5 + frame)]);
        log.take(&[b'\n'; 16 * 1024]);
        assert!(log.sink.0.iter().all(|piece| *piece <= BUFFER), "{:?}", log.sink.0);
        assert_eq!(log.buffer.capacity(), BUFFER);
        assert!(frame < FRAME);
    }
}
