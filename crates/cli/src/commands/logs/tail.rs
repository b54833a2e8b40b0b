//! Where the last lines of a file begin, found from its end: a log of many megabytes costs no more than what is printed.

use std::io::{self, Read, Seek, SeekFrom};

const CHUNK: usize = 16 * 1024;

/// The position at which the last `lines` lines of the first `end` bytes begin.
pub(super) fn start(file: &mut (impl Read + Seek), end: u64, lines: u64) -> io::Result<u64> {
    if lines == 0 {
        return Ok(end);
    }
    let mut buffer = [0u8; CHUNK];
    let mut newlines = 0;
    let mut position = end;
    while position > 0 {
        let length = position.min(CHUNK as u64);
        position -= length;
        // At most `CHUNK`, so this fits.
        let chunk = &mut buffer[..length as usize];
        file.seek(SeekFrom::Start(position))?;
        file.read_exact(chunk)?;
        for (index, byte) in chunk.iter().enumerate().rev() {
            let after = position + index as u64 + 1;
            // The line end at the very end finishes the last line and begins none.
            if *byte == b'\n' && after != end {
                newlines += 1;
                if newlines == lines {
                    return Ok(after);
                }
            }
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn last(text: &str, lines: u64) -> String {
        let start = start(&mut Cursor::new(text), text.len() as u64, lines).unwrap();
        text[usize::try_from(start).unwrap()..].to_owned()
    }

    #[test]
    fn the_last_lines_are_found_with_and_without_a_final_line_end() {
        assert_eq!(last("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last("a\nb\nc", 2), "b\nc");
        assert_eq!(last("a\nb\nc\n", 9), "a\nb\nc\n");
        assert_eq!(last("a\nb\n", 0), "");
        assert_eq!(last("", 3), "");
        assert_eq!(last("\n\n\n", 2), "\n\n");
    }

    #[test]
    fn lines_longer_than_a_chunk_are_found() {
        let long = "x".repeat(3 * CHUNK);
        let text = format!("first\n{long}\nlast\n");
        assert_eq!(last(&text, 2), format!("{long}\nlast\n"));
        assert_eq!(last(&text, 3), text);
    }
}
