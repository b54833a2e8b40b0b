//! One line on a terminal that says what a slow command waits for.
//!
//! Most calls are over in a millisecond and show nothing. Where standard error is no terminal there is nobody to show it to, and no
//! line. Nothing is ever asked.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::output::printable;

/// A wait shorter than this is not worth a line.
const PATIENCE: Duration = Duration::from_millis(500);
/// The most that is shown: a line that wraps can't be rewritten in place.
const WIDTH: usize = 78;

/// What is being waited for.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    phase: Mutex<String>,
}

impl Progress {
    /// Says what is waited for now.
    pub(crate) fn phase(&self, words: &str) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        words.clone_into(&mut phase);
    }

    /// Does `work`, and shows the phases if it takes long and somebody watches.
    pub(crate) async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        if !io::stderr().is_terminal() {
            return work.await;
        }
        let mut line = ProgressLine::default();
        tokio::select! {
            biased;
            done = work => done,
            never = self.show(&mut line) => match never {},
        }
    }

    async fn show(&self, line: &mut ProgressLine) -> std::convert::Infallible {
        tokio::time::sleep(PATIENCE).await;
        loop {
            let phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner).clone();
            line.put(&phase);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// How far something is, of which it is known how much there is. On a terminal; cleared when dropped.
#[derive(Debug)]
pub(crate) struct Bar {
    of: usize,
    line: Option<Mutex<ProgressLine>>,
}

impl Bar {
    /// Of so many steps.
    pub(crate) fn new(of: usize) -> Self {
        Self { of, line: io::stderr().is_terminal().then(Mutex::default) }
    }

    /// So many are done.
    pub(crate) fn show(&self, done: usize) {
        const COLUMNS: usize = 40;
        let Some(line) = &self.line else { return };
        let filled = COLUMNS * done.min(self.of) / self.of.max(1);
        let (full, rest) = ("#".repeat(filled), ".".repeat(COLUMNS - filled));
        line.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .put(&format!("[{full}{rest}] {done} of {}", self.of));
    }
}

/// The line; cleared when dropped.
#[derive(Debug, Default)]
struct ProgressLine {
    shown: String,
}

impl ProgressLine {
    fn put(&mut self, words: &str) {
        let text = fitted(words);
        if text != self.shown {
            let before = self.shown.chars().count();
            // A terminal that went away is no reason to fail.
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r{text:before$}\r{text}");
            let _ = stderr.flush();
            self.shown = text;
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if !self.shown.is_empty() {
            let _ = write!(io::stderr().lock(), "\r{:width$}\r", "", width = self.shown.chars().count());
        }
    }
}

/// As much of the words as fits into the line, with an ellipsis.
fn fitted(words: &str) -> String {
    let words = printable(words).replace(['\n', '\t'], " ");
    match words.trim() {
        "" => String::new(),
        text => text.chars().take(WIDTH - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_fits_into_one_line() {
        assert_eq!(fitted("waiting for the worker (pid 12)"), "waiting for the worker (pid 12)…");
        assert_eq!(fitted(""), "");
        assert_eq!(fitted("a\nb\u{1b}[2J"), "a b\u{fffd}[2J…");
        assert_eq!(fitted(&"é".repeat(500)).chars().count(), WIDTH);
    }

    #[tokio::test]
    async fn the_work_is_done_whether_somebody_watches_or_not() {
        let progress = Progress::default();
        progress.phase("nothing");
        assert_eq!(progress.watch(async { 7 }).await, 7);
    }
}
