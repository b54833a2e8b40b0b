//! Windows: standard handles can't be replaced without `unsafe`, so from the first rotation on the log's lines go to a file of the
//! worker's own. What others write to the standard handle stays in the file that the launcher opened, now the oldest rotated one.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Mutex;

use crate::log::Stamp;

static LOG: Mutex<Option<File>> = Mutex::new(None);

pub(super) fn would_take() -> bool {
    true
}

pub(super) fn write(bytes: &[u8]) {
    // Last words must not wait for a thread that is stuck in here.
    if let Ok(mut log) = LOG.try_lock()
        && let Some(file) = &mut *log
    {
        let _ = file.write_all(bytes);
        return;
    }
    let _ = io::stderr().write_all(bytes);
}

/// Which file the log is; before the first rotation, that is not known, and taken for the one at its path.
pub(crate) fn stamp() -> io::Result<Stamp> {
    match LOG.lock().ok().and_then(|log| log.as_ref().map(File::metadata)) {
        Some(metadata) => Ok(Stamp::of_unknown_file(metadata?.len())),
        None => Ok(Stamp::of_unknown_file(0)),
    }
}

/// Sends the log's lines to this file from now on.
pub(crate) fn redirect(file: File) -> io::Result<()> {
    *LOG.lock().map_err(|_| io::Error::other("poisoned"))? = Some(file);
    Ok(())
}
