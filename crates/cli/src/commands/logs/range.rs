//! Which part of a log is wanted: its end, of so many lines or of so much time, whatever files it is in.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use super::chain::{self, LogPiece};
use super::since;
use super::tail::{self, TailStart};

/// The end of a log.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogRange {
    /// So many lines at most.
    pub(super) lines: Option<u64>,
    /// What was written from then on.
    pub(super) since: Option<SystemTime>,
}

/// One of the log's files from this position on.
#[derive(Debug)]
pub(super) struct LogPart {
    piece: LogPiece,
    from: u64,
}

impl LogRange {
    /// The files that the range is in, the newest first; none if there is no log. Those before it are not opened.
    pub(super) fn open(&self, path: &Path) -> io::Result<Vec<LogPart>> {
        let whole = |piece: io::Result<LogPiece>| Ok(LogPart { piece: piece?, from: 0 });
        let parts = chain::pieces(path).map(whole);
        match (self.since, self.lines) {
            (None, None) => parts.collect(),
            (None, Some(lines)) => last_lines(parts, lines),
            (Some(since), None) => younger(parts, since),
            (Some(since), Some(lines)) => last_lines(younger(parts, since)?.into_iter().map(Ok), lines),
        }
    }
}

fn last_lines(parts: impl Iterator<Item = io::Result<LogPart>>, lines: u64) -> io::Result<Vec<LogPart>> {
    let (mut taken, mut left, mut last) = (Vec::new(), lines, true);
    for part in parts {
        let LogPart { mut piece, from } = part?;
        let start = tail::start(&mut piece.file, piece.end, left, last)?;
        last &= piece.end == 0;
        match start {
            TailStart::At(start) => {
                taken.push(LogPart { piece, from: from.max(start) });
                break;
            }
            TailStart::Before(lines) => {
                left = lines;
                taken.push(LogPart { piece, from });
            }
        }
    }
    Ok(taken)
}

fn younger(parts: impl Iterator<Item = io::Result<LogPart>>, since: SystemTime) -> io::Result<Vec<LogPart>> {
    let mut taken = Vec::new();
    for part in parts {
        let mut part = part?;
        let is_oldest = since::begins_before(&mut part.piece, since)?;
        taken.push(part);
        if is_oldest {
            break;
        }
    }
    // What comes before the first line that is young enough belongs to an older one, or to none.
    while let Some(oldest) = taken.last_mut() {
        if let Some(start) = since::start(&mut oldest.piece, since)? {
            oldest.from = start;
            break;
        }
        if taken.len() == 1 {
            taken[0].from = taken[0].piece.end;
            break;
        }
        taken.pop();
    }
    Ok(taken)
}

/// Prints the parts, and gives the newest file back, with the position behind what was printed.
pub(super) fn print(parts: Vec<LogPart>, out: &mut dyn Write) -> io::Result<Option<(File, u64)>> {
    let mut newest = None;
    for LogPart { piece: LogPiece { mut file, end }, from } in parts.into_iter().rev() {
        file.seek(SeekFrom::Start(from))?;
        let copied = io::copy(&mut (&mut file).take(end.saturating_sub(from)), out)?;
        newest = Some((file, from + copied));
    }
    out.flush()?;
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A log of these files, the oldest first.
    fn log(files: &[&str]) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (number, text) in files.iter().rev().enumerate() {
            let name = if number == 0 { "a.log".to_owned() } else { format!("a.log.{number}") };
            fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    fn printed(log: &TempDir, lines: Option<u64>, since: Option<&str>) -> String {
        let since = since.map(|time| humantime::parse_rfc3339(&format!("2026-01-31T{time}Z")).unwrap());
        let parts = LogRange { lines, since }.open(&log.path().join("a.log")).unwrap();
        let mut out = Vec::new();
        print(parts, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_last_lines_are_found_across_files() {
        let log = log(&["a\nb\n", "c\nd", "\n", "e\n", ""]);
        for (lines, expected) in [
            (0, ""),
            (1, "e\n"),
            (2, "d\ne\n"),
            (3, "c\nd\ne\n"),
            (4, "b\nc\nd\ne\n"),
            (9, "a\nb\nc\nd\ne\n"),
        ] {
            assert_eq!(printed(&log, Some(lines), None), expected, "{lines}");
        }
        assert_eq!(printed(&log, None, None), "a\nb\nc\nd\ne\n");
    }

    #[test]
    fn the_lines_since_a_time_are_found_across_files() {
        let one = "no time\n2026-01-31T08:00:00Z a\n";
        let two = "2026-01-31T09:00:00Z b\n  of b\n";
        let three = "  of b too\n2026-01-31T10:00:00Z c\n  of c\n";
        let log = log(&[one, two, three]);
        let all = [one, two, three].concat();
        let from = |start: &str| &all[all.find(start).unwrap()..];
        for (since, expected) in [
            ("07:00:00", from("2026-01-31T08")),
            ("08:00:00", from("2026-01-31T08")),
            ("08:00:01", from("2026-01-31T09")),
            ("09:30:00", from("2026-01-31T10")),
            ("10:00:01", ""),
        ] {
            assert_eq!(printed(&log, None, Some(since)), expected, "{since}");
        }
        assert_eq!(printed(&log, Some(2), Some("09:00:00")), from("2026-01-31T10"));
        assert_eq!(printed(&log, Some(9), Some("09:30:00")), from("2026-01-31T10"));
    }

    #[test]
    fn files_before_the_range_are_not_opened() {
        let log =
            log(&["not UTF-8 and no file at all", "2026-01-31T09:00:00Z b\n", "2026-01-31T10:00:00Z c\n"]);
        // A directory can be opened, and not be read.
        let oldest = log.path().join("a.log.2");
        fs::remove_file(&oldest).unwrap();
        fs::create_dir(&oldest).unwrap();
        assert_eq!(printed(&log, Some(1), None), "2026-01-31T10:00:00Z c\n");
        assert_eq!(printed(&log, None, Some("09:30:00")), "2026-01-31T10:00:00Z c\n");
    }

    #[test]
    fn there_may_be_no_log() {
        let dir = log(&[]);
        for range in [
            LogRange { lines: Some(5), since: None },
            LogRange { lines: None, since: Some(SystemTime::now()) },
        ] {
            assert!(range.open(&dir.path().join("a.log")).unwrap().is_empty());
        }
    }
}
