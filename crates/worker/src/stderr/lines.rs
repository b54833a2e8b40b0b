//! The lines of the log.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::imp;

/// How many lines were dropped since the last one that was written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Writes a line of the log, or drops it.
fn write_line(line: &[u8]) {
    if !imp::would_take() {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let dropped = DROPPED.swap(0, Ordering::Relaxed);
    if dropped > 0 {
        imp::write(format!("({dropped} lines of the log were dropped, since nobody took them)\n").as_bytes());
    }
    imp::write(line);
}

/// Writes the last line of a process that is about to end. It does not use the logging machinery:
/// the stuck or panicking thread may hold its locks.
pub(crate) fn last_words(words: &str) {
    write_line(format!("FATAL {words}\n").as_bytes());
}

/// The writer that the logging machinery uses, with one call per line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogLines;

impl io::Write for LogLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        write_line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
