//! What a child has said: the end of it, and whether texts that somebody waits for were among it.

use super::lines::{LONGEST, Lines};

/// So much of the output is kept, for texts that are first waited for after they were said.
const RECENT: usize = 64 * 1024;

/// So much of it goes into error messages.
const TAIL: usize = 4 * 1024;

/// What was heard so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The output's end: [`RECENT`] bytes, up to twice as many.
    recent: Vec<u8>,
    lines: Lines,
    /// The unfinished line.
    line: Vec<u8>,
    sought: Vec<Sought>,
    /// There is nothing more to come.
    pub(super) over: bool,
}

/// A text that somebody waits for.
#[derive(Debug)]
struct Sought {
    text: Vec<u8>,
    said: bool,
}

impl Heard {
    /// Listens to what comes next. Whether a text was said that was not before.
    pub(super) fn take(&mut self, mut chunk: &[u8]) -> bool {
        self.recent.extend_from_slice(chunk);
        if self.recent.len() > 2 * RECENT {
            self.recent.drain(..self.recent.len() - RECENT);
        }
        let mut news = false;
        while let Some(part) = self.lines.next(&mut chunk) {
            let known = self.line.len();
            self.line.extend_from_slice(part.text);
            for sought in self.sought.iter_mut().filter(|sought| !sought.said) {
                // A text that ends in this part may begin in what was known.
                let begin = (known + 1).saturating_sub(sought.text.len());
                sought.said = contains(&self.line[begin..], &sought.text);
                news |= sought.said;
            }
            if part.ends {
                self.line.clear();
            }
        }
        news
    }

    /// Whether this text was said. From now on it is listened for.
    pub(super) fn has_said(&mut self, text: &str) -> bool {
        let text = text.as_bytes();
        if let Some(sought) = self.sought.iter().find(|sought| sought.text == text) {
            return sought.said;
        }
        // A text of several lines is in none.
        let said = !text.contains(&b'\n') && contains(&self.recent, text);
        self.sought.push(Sought { text: text.to_owned(), said });
        said
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.recent.capacity() + self.line.capacity()
    }

    /// The last lines, printable.
    pub(super) fn tail(&self) -> String {
        let recent = String::from_utf8_lossy(&self.recent[self.recent.len().saturating_sub(TAIL)..]);
        let printable: String = recent.replace("\r\n", "\n").chars().map(printable).collect();
        // Each byte that is not UTF-8 has become three.
        let begin = printable.ceil_char_boundary(printable.len().saturating_sub(TAIL));
        let is_whole = begin == 0 && self.recent.len() <= TAIL;
        let tail = &printable[begin..];
        match tail.split_once('\n') {
            // The first of these lines has lost its beginning.
            Some((_, rest)) if !is_whole && !rest.is_empty() => rest.to_owned(),
            _ => tail.to_owned(),
        }
    }
}

/// Never what commands a terminal.
fn printable(c: char) -> char {
    if c.is_control() && !matches!(c, '\t' | '\n') { char::REPLACEMENT_CHARACTER } else { c }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text)
}

const _: () = assert!(TAIL < RECENT && LONGEST < RECENT);
