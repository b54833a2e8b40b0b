//! Reads a child's output to its end, on a thread of its own.

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::Notify;

use super::history::OutputHistory;
use super::log::{OutputLog, Sink};
use crate::logfile::{LogFile, LogLimits};

/// How many bytes are read at a time.
const CHUNK: usize = 16 * 1024;

/// The output of one child. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChildOutput(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    history: Mutex<OutputHistory>,
    /// An awaited text was written.
    found: Notify,
}

impl ChildOutput {
    /// Reads `pipe` to its end on a new thread, and writes each line with the time to `log`, which
    /// is rotated within `limits`.
    ///
    /// # Errors
    /// If the thread can't be started; the pipe is closed then. A log that can't be opened is no
    /// error: it is tried again for each chunk.
    pub(crate) fn collect(
        pipe: impl Read + Send + 'static,
        log: &Path,
        limits: LogLimits,
    ) -> io::Result<Self> {
        let name = log.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self::collect_into(LogFile::new(log, limits), &name, pipe)
    }

    fn collect_into(
        sink: impl Sink + 'static,
        name: &str,
        pipe: impl Read + Send + 'static,
    ) -> io::Result<Self> {
        let output = Self::default();
        let shared = output.0.clone();
        let log = OutputLog::new(sink, name);
        thread::Builder::new()
            .name(format!("output-{name}"))
            .stack_size(128 * 1024)
            .spawn(move || shared.read(pipe, log))?;
        Ok(output)
    }

    /// Returns the last lines, at most 4 KiB, made printable.
    pub(crate) fn tail(&self) -> String {
        self.0.history().tail()
    }

    /// Waits until a line contains `text`.
    ///
    /// Of the output before the first call for a text, the last 64 KiB are searched. A line longer
    /// than 8 KiB is searched piece by piece. Cancel safe: a text stays awaited after the first
    /// call.
    pub(crate) async fn contains(&self, text: &str) {
        loop {
            // Registered before the search, so that nothing is missed between the two.
            let found = self.0.found.notified();
            if self.0.history().contains(text) {
                return;
            }
            found.await;
        }
    }

    /// Returns whether everything was read and written, as far as it could be: all writers of the
    /// pipe are gone.
    pub(crate) fn is_over(&self) -> bool {
        self.0.history().over
    }
}

impl Shared {
    fn read<S: Sink>(&self, mut pipe: impl Read, mut log: OutputLog<S>) {
        let mut chunk = vec![0; CHUNK];
        loop {
            match pipe.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => {
                    let chunk = &chunk[..length];
                    // The log first: a text that was awaited is in the log when it is reported.
                    log.write(chunk);
                    if self.history().add(chunk) {
                        self.found.notify_waiters();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::warn!("the output of {} can't be read any more: {error}", log.name());
                    break;
                }
            }
        }
        log.finish();
        self.history().over = true;
    }

    fn history(&self) -> MutexGuard<'_, OutputHistory> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
