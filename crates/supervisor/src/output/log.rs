//! The log of a child's output: each line with the time. Bytes that could not be written are
//! counted.

use std::io;
use std::time::{Duration, Instant};

use super::lines::{LONGEST, Lines};
use crate::logfile::{LogFile, Unwritten, timestamp};

/// How many bytes are written at a time at most.
const BUFFER: usize = 64 * 1024;

/// More bytes than the time and a line end take.
const FRAME: usize = 64;

/// The daemon's own log reports losses no more often than this.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// What the log's bytes are written to.
pub(super) trait Sink: Send {
    /// Appends bytes. `begins`: they start at the beginning of a line.
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
    /// What is written next, whether it begins a line, and how many bytes of it are the child's.
    buffer: Vec<u8>,
    begins: bool,
    from_child: usize,
    /// The beginning of the current line was not written.
    torn: bool,
    /// How many of the child's bytes were dropped since the last successful write.
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
            from_child: 0,
            torn: false,
            lost: 0,
            warned: None,
        }
    }

    /// Returns the name of the child.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Writes a chunk of output. An unfinished line is written too: the child may wait for an
    /// answer to it.
    pub(super) fn write(&mut self, mut chunk: &[u8]) {
        let time = timestamp();
        loop {
            let before = chunk.len();
            let Some(piece) = self.lines.next(&mut chunk) else { break };
            if self.buffer.len() + piece.text.len() + FRAME > BUFFER {
                self.flush(&time);
            }
            let begins = piece.begins || std::mem::take(&mut self.torn);
            if self.buffer.is_empty() {
                self.begins = begins;
            }
            if begins {
                self.buffer.extend_from_slice(time.as_bytes());
                self.buffer.push(b' ');
            }
            self.buffer.extend_from_slice(piece.text);
            if piece.ends {
                self.buffer.push(b'\n');
            }
            self.from_child += before - chunk.len();
        }
        self.flush(&time);
    }

    /// Ends an unfinished line, and reports what was lost last.
    pub(super) fn finish(&mut self) {
        if self.lines.is_within() && !self.torn {
            self.buffer.push(b'\n');
            self.begins = false;
        }
        self.flush(&timestamp());
    }

    fn flush(&mut self, time: &str) {
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
        self.from_child = 0;
    }

    fn note_loss(&mut self, note: usize, left: usize, error: &io::Error) {
        if self.warned.is_none_or(|warned| warned.elapsed() > WARN_EVERY) {
            self.warned = Some(Instant::now());
            tracing::warn!("the log of {} can't be written, and its output is dropped: {error}", self.name);
        }
        // Once the note is written, its count is reported.
        let noted = left <= self.buffer.len() - note;
        // The times in what is left are not the child's.
        self.lost = if noted { 0 } else { self.lost } + left.min(self.from_child) as u64;
        self.torn = self.buffer.last() != Some(&b'\n');
    }
}

const _: () = assert!(BUFFER > 2 * (LONGEST + FRAME));

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A disk with limited room.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Disk {
        fn room(&self, bytes: usize) {
            self.0.lock().unwrap().1 = bytes;
        }

        /// Returns what was written, without the times.
        fn written(&self) -> String {
            let text = String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap();
            let frame = timestamp().len() + 1;
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
        log.write(b"one\n");
        disk.room(0);
        log.write(b"two\nthr");
        log.write(b"ee\nfour\n");
        disk.room(PLENTY);
        log.write(b"five\n");
        log.write(b"six\n");
        assert_eq!(
            disk.written(),
            "one\n(15 bytes of output were lost, since they could not be written)\nfive\nsix\n"
        );
    }

    #[test]
    fn a_line_whose_beginning_was_lost_is_a_line_of_its_own() {
        let (disk, mut log) = log();
        disk.room(0);
        log.write(b"one\nunfin");
        disk.room(PLENTY);
        log.write(b"ished\ntwo\n");
        assert_eq!(
            disk.written(),
            "(9 bytes of output were lost, since they could not be written)\nished\ntwo\n"
        );
    }

    #[test]
    fn a_disk_that_fills_within_a_line_leaves_the_next_one_whole() {
        let (disk, mut log) = log();
        disk.room(timestamp().len() + 1 + 3);
        log.write(b"one two\n");
        disk.room(PLENTY);
        log.write(b"three\n");
        assert_eq!(
            disk.written(),
            "one\n(5 bytes of output were lost, since they could not be written)\nthree\n"
        );
    }

    #[test]
    fn what_was_lost_last_is_told_at_the_end_and_what_the_note_of_it_did_not_say_is_not_forgotten() {
        let (disk, mut log) = log();
        disk.room(0);
        log.write(b"one\n");
        // The note alone has room, and no more.
        let note = "(4 bytes of output were lost, since they could not be written)\n";
        disk.room(timestamp().len() + 1 + note.len());
        log.write(b"two three\n");
        disk.room(0);
        log.write(b"unfinished");
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
        let frame = timestamp().len() + 1;
        log.write(&b"line\n".repeat(500));
        assert_eq!(log.sink.0, [500 * (5 + frame)]);
        log.write(&[b'\n'; 16 * 1024]);
        assert!(log.sink.0.iter().all(|piece| *piece <= BUFFER), "{:?}", log.sink.0);
        assert_eq!(log.buffer.capacity(), BUFFER);
        assert!(frame < FRAME);
    }
}
