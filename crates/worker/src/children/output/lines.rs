//! Lines out of chunks of bytes, however those are cut.

/// A line is cut into pieces of so many bytes, each of which counts as a line.
pub(super) const LONGEST: usize = 8 * 1024;

/// A line, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// Its bytes, without the line end.
    pub(super) text: &'a [u8],
    /// It begins the line.
    pub(super) begins: bool,
    /// It ends the line.
    pub(super) ends: bool,
}

/// Where in a line the bytes so far have ended.
#[derive(Debug, Default)]
pub(super) struct Lines {
    length: usize,
}

impl Lines {
    /// Takes the next part off the front of these bytes.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Part<'a>> {
        if bytes.is_empty() {
            return None;
        }
        let begins = self.length == 0;
        let limit = LONGEST - self.length;
        // One more than the line may have: if that is its end, the line is whole.
        let window = &bytes[..bytes.len().min(limit + 1)];
        let (length, taken) = match window.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end, end + 1),
            None => (window.len().min(limit), window.len().min(limit)),
        };
        let ends = taken > length || window.len() > limit;
        self.length = if ends { 0 } else { self.length + length };
        let text = &bytes[..length];
        *bytes = &bytes[taken..];
        Some(Part { text, begins, ends })
    }

    /// Whether the bytes so far have ended within a line.
    pub(super) fn is_within(&self) -> bool {
        self.length > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of these bytes, given in chunks of this size.
    fn lines(bytes: &[u8], chunk: usize) -> Vec<Vec<u8>> {
        let (mut splitter, mut found) = (Lines::default(), Vec::new());
        for mut chunk in bytes.chunks(chunk) {
            while let Some(part) = splitter.next(&mut chunk) {
                if part.begins {
                    found.push(Vec::new());
                }
                found.last_mut().unwrap().extend_from_slice(part.text);
                assert_eq!(splitter.is_within(), !part.ends);
            }
        }
        found
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_are_cut() {
        let longest = vec![b'x'; LONGEST];
        let text = [b"one\n\n\xff two\n".as_slice(), &longest, b"\n", &longest, b"y\nlast"].concat();
        let expected: [&[u8]; 7] = [b"one", b"", b"\xff two", &longest, &longest, b"y", b"last"];
        for chunk in [1, 2, 3, 7, LONGEST - 1, LONGEST, LONGEST + 1, text.len()] {
            assert_eq!(lines(&text, chunk), expected, "chunks of {chunk}");
        }
    }
}
