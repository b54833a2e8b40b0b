//! The recent output of a child, and the texts that a check waits for.

use super::lines::{LONGEST, Lines};

/// How many bytes are kept, for texts that are first waited for after they were written.
const RECENT: usize = 64 * 1024;

/// How many of them go into error messages.
const TAIL: usize = 4 * 1024;

/// The output so far.
#[derive(Debug, Default)]
pub(super) struct OutputHistory {
    /// The end of the output: at least the last [`RECENT`] bytes, at most twice as many.
    recent: Vec<u8>,
    lines: Lines,
    /// The unfinished line.
    line: Vec<u8>,
    awaited: Vec<AwaitedText>,
    /// Whether the output has ended.
    pub(super) over: bool,
}

/// A text that a check waits for.
#[derive(Debug)]
struct AwaitedText {
    text: Vec<u8>,
    found: bool,
}

impl OutputHistory {
    /// Adds a chunk. Returns whether it completes an awaited text for the first time.
    pub(super) fn add(&mut self, mut chunk: &[u8]) -> bool {
        self.recent.extend_from_slice(chunk);
        if self.recent.len() > 2 * RECENT {
            self.recent.drain(..self.recent.len() - RECENT);
        }
        let mut news = false;
        while let Some(piece) = self.lines.next(&mut chunk) {
            let known = self.line.len();
            self.line.extend_from_slice(piece.text);
            for awaited in self.awaited.iter_mut().filter(|awaited| !awaited.found) {
                // A text that ends in this piece may begin before it.
                let begin = (known + 1).saturating_sub(awaited.text.len());
                awaited.found = contains(&self.line[begin..], &awaited.text);
                news |= awaited.found;
            }
            if piece.ends {
                self.line.clear();
            }
        }
        news
    }

    /// Returns whether the output contains this text. From now on the text is awaited.
    pub(super) fn contains(&mut self, text: &str) -> bool {
        let text = text.as_bytes();
        if let Some(awaited) = self.awaited.iter().find(|awaited| awaited.text == text) {
            return awaited.found;
        }
        // No line contains a text of several lines.
        let found = !text.contains(&b'\n') && contains(&self.recent, text);
        self.awaited.push(AwaitedText { text: text.to_owned(), found });
        found
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.recent.capacity() + self.line.capacity()
    }

    /// Returns the last lines, printable.
    pub(super) fn tail(&self) -> String {
        let recent = String::from_utf8_lossy(&self.recent[self.recent.len().saturating_sub(TAIL)..]);
        let printable: String = recent.replace("\r\n", "\n").chars().map(printable).collect();
        // Each byte that is not UTF-8 has become three bytes.
        let begin = printable.ceil_char_boundary(printable.len().saturating_sub(TAIL));
        let is_whole = begin == 0 && self.recent.len() <= TAIL;
        let tail = &printable[begin..];
        match tail.split_once('\n') {
            // The beginning of the first of these lines is missing.
            Some((_, rest)) if !is_whole && !rest.is_empty() => rest.to_owned(),
            _ => tail.to_owned(),
        }
    }
}

/// Replaces characters that control a terminal.
fn printable(c: char) -> char {
    if c.is_control() && !matches!(c, '\t' | '\n') { char::REPLACEMENT_CHARACTER } else { c }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text)
}

const _: () = assert!(TAIL < RECENT && LONGEST < RECENT);
