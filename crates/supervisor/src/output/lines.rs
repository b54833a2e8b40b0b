//! Splits chunks of bytes into lines, wherever the chunks are cut.

/// The longest line in bytes. A longer one is cut into pieces that each count as a line.
pub(super) const LONGEST: usize = 8 * 1024;

/// A line, or a piece of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinePiece<'a> {
    /// The bytes, without the line end.
    pub(super) text: &'a [u8],
    /// Whether it begins the line.
    pub(super) begins: bool,
    /// Whether it ends the line.
    pub(super) ends: bool,
}

/// The position within the current line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    length: usize,
}

impl Lines {
    /// Takes the next piece off the front of these bytes.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<LinePiece<'a>> {
        if bytes.is_empty() {
            return None;
        }
        let begins = self.length == 0;
        let limit = LONGEST - self.length;
        // One byte more than a line may have: if that is the line end, the line is whole.
        let window = &bytes[..bytes.len().min(limit + 1)];
        let (length, taken) = match window.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end, end + 1),
            None => (window.len().min(limit), window.len().min(limit)),
        };
        let ends = taken > length || window.len() > limit;
        self.length = if ends { 0 } else { self.length + length };
        let text = &bytes[..length];
        *bytes = &bytes[taken..];
        Some(LinePiece { text, begins, ends })
    }

    /// Returns whether the bytes so far end within a line.
    pub(super) fn is_within(&self) -> bool {
        self.length > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the lines of these bytes, given in chunks of this size.
    fn lines(bytes: &[u8], chunk: usize) -> Vec<Vec<u8>> {
        let (mut splitter, mut found) = (Lines::default(), Vec::new());
        for mut chunk in bytes.chunks(chunk) {
            while let Some(piece) = splitter.next(&mut chunk) {
                if piece.begins {
                    found.push(Vec::new());
                }
                found.last_mut().unwrap().extend_from_slice(piece.text);
                assert_eq!(splitter.is_within(), !piece.ends);
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
