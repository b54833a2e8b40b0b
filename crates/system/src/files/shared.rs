//! What both platforms share: names of temporary files, and the end of a file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

const TEMPORARY: &str = ".tmp-";

/// A temporary name that says who is writing, so that the remains of a killed writer can be told from work in progress.
pub(super) fn temporary_name(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{TEMPORARY}{}-{count}-{name}", std::process::id())
}

/// The pid in a temporary name.
pub(super) fn temporary_writer(file_name: &str) -> Option<u32> {
    file_name.strip_prefix(TEMPORARY)?.split('-').next()?.parse().ok()
}

/// The last `limit` bytes that were written to a file after `from`; empty if there is none.
pub(super) fn tail(path: &Path, from: u64, limit: usize) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let len = file.metadata()?.len();
    // Shorter than before: it was rotated meanwhile, and all of it is new.
    let from = if from > len { 0 } else { from };
    file.seek(SeekFrom::Start(from.max(len.saturating_sub(limit as u64))))?;
    let mut bytes = Vec::new();
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_name_tells_its_writer_and_other_names_do_not() {
        assert_eq!(temporary_writer(&temporary_name("worker.json")), Some(std::process::id()));
        for other in ["worker.json", ".tmp-", ".tmp-x-1-epoch", "tmp-1-1-epoch"] {
            assert_eq!(temporary_writer(other), None, "{other}");
        }
    }
}
