//! What a child says: collected line by line into a log of its own, and listened to.
//!
//! A child that floods must not harm: it is read as fast as its lines can be written, into buffers of a fixed size, and its log is rotated
//! before it gets too large. Nor must a log that can't be written, on a full disk say, stop the child at a full pipe: what can't be written
//! is dropped and counted.

mod heard;
mod lines;
mod log;

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::Notify;

use crate::log::LogFile;
use heard::Heard;
use log::{OutputLog, Sink};

/// So much is read at a time.
const CHUNK: usize = 16 * 1024;

/// The output of one child. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    heard: Mutex<Heard>,
    /// Something that was waited for was said.
    said: Notify,
}

impl Output {
    /// Reads `pipe` to its end, on a thread of its own, and writes each line with the time to `log`. That is rotated when it would get larger
    /// than `max_bytes`; `keep` older ones are kept.
    ///
    /// # Errors
    /// If there is no thread to be had; the pipe is closed then. A log that can't be opened is no error: it is tried again for each chunk.
    pub(crate) fn collect(
        pipe: impl Read + Send + 'static,
        log: &Path,
        max_bytes: u64,
        keep: u32,
    ) -> io::Result<Self> {
        let name = log.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self::collect_into(LogFile::new(log, max_bytes, keep), &name, pipe)
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

    /// The last lines, at most 4 KiB, made printable.
    pub(crate) fn tail(&self) -> String {
        self.0.heard().tail()
    }

    /// Waits until a line contains `text`, for ever if none does. Lines are looked at from the beginning of the output on; of what came before
    /// a text is first waited for, the last 64 KiB. A line longer than 8 KiB is looked at piece by piece. Cancel safe: a text that was waited
    /// for once is looked for from then on.
    pub(crate) async fn says(&self, text: &str) {
        loop {
            // Made before the look: it is woken by what is said from here on.
            let said = self.0.said.notified();
            if self.0.heard().has_said(text) {
                return;
            }
            said.await;
        }
    }

    /// Whether everything was read, and written as far as it could be: the pipe's writers are all gone.
    pub(crate) fn is_over(&self) -> bool {
        self.0.heard().over
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
                    // The log first: whoever waits for a text finds it there.
                    log.take(chunk);
                    if self.heard().take(chunk) {
                        self.said.notify_waiters();
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
        self.heard().over = true;
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
