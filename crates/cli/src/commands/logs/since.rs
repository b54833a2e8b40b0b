//! Where the lines of a time and younger ones begin. A line without a time belongs to the line before it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::time::SystemTime;

use super::chain::LogPiece;

/// So much of a line is looked at. A time is shorter.
const HEAD: u64 = 64;

/// Whether this file's first time is an earlier one: then what is older lies in it, and in those before it, and nothing else there.
pub(super) fn begins_before(piece: &mut LogPiece, since: SystemTime) -> io::Result<bool> {
    let mut first = None;
    find(&mut piece.file, piece.end, |time| {
        first = Some(time);
        true
    })?;
    Ok(first.is_some_and(|first| first < since))
}

/// The position of the first line of this time or a later one.
pub(super) fn start(piece: &mut LogPiece, since: SystemTime) -> io::Result<Option<u64>> {
    find(&mut piece.file, piece.end, |time| time >= since)
}

/// The position of the first line with a time that is wanted.
fn find(file: &mut File, end: u64, mut wanted: impl FnMut(SystemTime) -> bool) -> io::Result<Option<u64>> {
    file.rewind()?;
    let mut lines = BufReader::new(file.take(end));
    let mut head = Vec::new();
    let mut position = 0;
    loop {
        head.clear();
        let taken = (&mut lines).take(HEAD).read_until(b'\n', &mut head)?;
        if taken == 0 {
            return Ok(None);
        }
        let rest = if head.ends_with(b"\n") { 0 } else { lines.skip_until(b'\n')? };
        if time(&head).is_some_and(&mut wanted) {
            return Ok(Some(position));
        }
        position += (taken + rest) as u64;
    }
}

/// The time that a line begins with.
fn time(line: &[u8]) -> Option<SystemTime> {
    let word = line.split(|byte| byte.is_ascii_whitespace()).next()?;
    humantime::parse_rfc3339(str::from_utf8(word).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn piece(text: &str) -> LogPiece {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        LogPiece { file, end: text.len() as u64 }
    }

    fn at(text: &str) -> SystemTime {
        humantime::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn the_first_line_that_is_young_enough_is_found() {
        let long = "x".repeat(100_000);
        let lines = [
            "no time at all\n".to_owned(),
            format!("2026-01-31T08:00:00.000001Z one {long}\n"),
            "  2026-01-31T09:30:00Z within a line\n\n".to_owned(),
            "2026-01-31T09:00:00.5Z two\n".to_owned(),
            "2026-01-31T10:00:00Z\n".to_owned(),
        ];
        let position = |line: usize| lines[..line].iter().map(String::len).sum::<usize>() as u64;
        let mut log = piece(&lines.concat());
        let mut from = |time| start(&mut log, at(time)).unwrap();
        assert_eq!(from("2026-01-31T07:00:00Z"), Some(position(1)));
        assert_eq!(from("2026-01-31T08:00:00Z"), Some(position(1)));
        assert_eq!(from("2026-01-31T08:00:01Z"), Some(position(3)));
        assert_eq!(from("2026-01-31T09:00:00.5Z"), Some(position(3)), "the very time");
        assert_eq!(from("2026-01-31T09:00:00.6Z"), Some(position(4)));
        assert_eq!(from("2026-01-31T11:00:00Z"), None);
    }

    #[test]
    fn a_file_begins_with_its_first_time() {
        let mut log = piece("a line\n2026-01-31T08:00:00Z one\n2026-01-31T10:00:00Z two\n");
        assert!(begins_before(&mut log, at("2026-01-31T08:00:01Z")).unwrap());
        assert!(!begins_before(&mut log, at("2026-01-31T08:00:00Z")).unwrap());
        assert!(!begins_before(&mut piece("no time\n"), at("2026-01-31T08:00:00Z")).unwrap());
        assert!(!begins_before(&mut piece(""), at("2026-01-31T08:00:00Z")).unwrap());
    }
}
