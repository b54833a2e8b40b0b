//! What a terminal is shown of a log: whatever a child prints, it must not command the terminal of whoever reads it.

use std::io::{self, Write};

/// Passes bytes on, without those that command a terminal; tabs and line ends stay. Reads UTF-8, and bytes that are none stay as they are.
pub(super) struct Printable<W> {
    out: W,
    /// The first byte of a control character of two bytes (U+0080 to U+009F), or of another character, was the last one.
    pending: bool,
}

/// In place of a control character.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Before the second byte of a control character of two.
const LEAD: u8 = 0xc2;

impl<W: Write> Printable<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, pending: false }
    }
}

impl<W: Write> Write for Printable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut shown = Vec::with_capacity(bytes.len() + 1);
        for byte in bytes {
            let follows = std::mem::take(&mut self.pending);
            match byte {
                0x80..=0x9f if follows => shown.extend_from_slice(REPLACEMENT),
                _ => {
                    if follows {
                        shown.push(LEAD);
                    }
                    match byte {
                        &LEAD => self.pending = true,
                        b'\t' | b'\n' => shown.push(*byte),
                        0..=0x1f | 0x7f => shown.extend_from_slice(REPLACEMENT),
                        _ => shown.push(*byte),
                    }
                }
            }
        }
        self.out.write_all(&shown)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], chunk: usize) -> Vec<u8> {
        let mut out = Printable::new(Vec::new());
        bytes.chunks(chunk).for_each(|chunk| out.write_all(chunk).unwrap());
        out.out
    }

    #[test]
    fn what_commands_a_terminal_is_replaced_however_it_is_cut() {
        let said = b"a\x1b[31mred\x07\t\xc2\x9b2J \xc2\xa7 \xe2\x82\xac \xff\r\n\x7f";
        let expected = b"a\xef\xbf\xbd[31mred\xef\xbf\xbd\t\xef\xbf\xbd2J \xc2\xa7 \xe2\x82\xac \xff\xef\xbf\xbd\n\xef\xbf\xbd";
        for chunk in 1..said.len() {
            assert_eq!(shown(said, chunk), expected, "chunks of {chunk}");
        }
    }
}
