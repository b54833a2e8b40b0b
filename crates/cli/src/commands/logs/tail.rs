//! Where the last lines of a file begin, found from its end: a log of many megabytes costs no more than what is printed.

use std::io::{self, Read, Seek, SeekFrom};

const CHUNK: usize = 16 * 1024;

/// Where the last lines begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TailStart {
    /// At this position.
    At(u64),
    /// Before this file: the line ends in it and after it were too few, by so many.
    Before(u64),
}

/// The position behind the last line end but `lines` of the first `end` bytes. `last`: nothing comes after these bytes.
pub(super) fn start(
    file: &mut (impl Read + Seek),
    end: u64,
    lines: u64,
    last: bool,
) -> io::Result<TailStart> {
    if lines == 0 {
        return Ok(TailStart::At(end));
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
            if *byte == b'\n' && !(last && after == end) {
                newlines += 1;
                if newlines == lines {
                    return Ok(TailStart::At(after));
                }
            }
        }
    }
    Ok(TailStart::Before(lines - newlines))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn last(text: &str, lines: u64) -> String {
        match start(&mut Cursor::new(text), text.len() as u64, lines, true).unwrap() {
            TailStart::At(start) => text[usize::try_from(start).unwrap()..].to_owned(),
            TailStart::Before(_) => text.to_owned(),
        }
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

    #[test]
    fn a_final_line_end_counts_where_more_lines_come_after_it() {
        let look = |lines, last| start(&mut Cursor::new("a\nb\n"), 4, lines, last).unwrap();
        assert_eq!(
            [look(1, true), look(2, true), look(4, true)],
            [TailStart::At(2), TailStart::Before(1), TailStart::Before(3)]
        );
        assert_eq!(
            [look(1, false), look(2, false), look(3, false)],
            [TailStart::At(4), TailStart::At(2), TailStart::Before(1)]
        );
    }
}
