//! The end of a file, as text that begins with a whole line: half a line at the front says something else than it did.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// At most so many of its last bytes. What is no UTF-8 is replaced.
///
/// # Errors
/// If it can't be read, or is no plain file: a pipe could make the reader wait for ever.
pub(super) fn last_bytes(path: &Path, most: u64) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no plain file"));
    }
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(most);
    // One byte more tells whether the first line is whole.
    let cut = start > 0;
    file.seek(SeekFrom::Start(start.saturating_sub(u64::from(cut))))?;
    let mut bytes = Vec::new();
    file.take(most + u64::from(cut)).read_to_end(&mut bytes)?;
    let whole = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) if cut => &bytes[end + 1..],
        None if cut => &[],
        _ => &bytes[..],
    };
    Ok(String::from_utf8_lossy(whole).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_begins_with_a_whole_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let end = |most| last_bytes(file.path(), most).unwrap();
        assert_eq!(end(3), "");
        std::fs::write(file.path(), "one\ntwo\nthree\n").unwrap();
        assert_eq!([end(100), end(14)], ["one\ntwo\nthree\n"; 2].map(str::to_owned));
        assert_eq!([end(13), end(10)], ["two\nthree\n"; 2].map(str::to_owned));
        assert_eq!([end(9), end(6)], ["three\n"; 2].map(str::to_owned));
        assert_eq!([end(5), end(0)], [""; 2].map(str::to_owned));
    }

    #[test]
    fn what_is_no_file_is_an_error_and_what_is_no_text_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert!(last_bytes(dir.path(), 9).is_err() && last_bytes(&dir.path().join("none"), 9).is_err());
        let path = dir.path().join("garbage");
        std::fs::write(&path, b"a\xffb").unwrap();
        assert_eq!(last_bytes(&path, 9).unwrap(), "a\u{fffd}b");
    }
}
