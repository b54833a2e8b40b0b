//! Standard error, where the log goes: written to directly, without a lock or a buffer, and never in a way that harms.
//!
//! The log must not be what stops a worker. A full disk is ignored. A pipe or a terminal that nobody reads (a pager, Ctrl-S) would block the
//! event loop until the watchdog ends the process, so lines that cannot be written at once are dropped, and counted.

#[cfg(not(unix))]
#[path = "other.rs"]
mod imp;
#[cfg(unix)]
#[path = "unix.rs"]
mod imp;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use imp::{redirect, stamp};

/// Lines that nobody took.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Writes a line of the log, or drops it.
pub(crate) fn write_line(line: &[u8]) {
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

/// The last words of a process that is about to end: from whatever state it is in, so without the logging machinery, whose locks the
/// stuck or panicking thread may hold.
pub(crate) fn last_words(words: &str) {
    write_line(format!("FATAL {words}\n").as_bytes());
}

/// The writer that the logging machinery is given: one call for each line.
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
