//! Windows: standard handles can't be replaced without `unsafe`. So from the first rotation on the
//! log's lines go to a file that this process opens. What other code writes to the standard handle
//! stays in the file that the launcher opened, which is now the oldest rotated one.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Mutex;

use oneworker_supervisor::logfile::Stamp;

static LOG: Mutex<Option<File>> = Mutex::new(None);

pub(super) fn would_take() -> bool {
    true
}

pub(super) fn write(bytes: &[u8]) {
    // The last words must not wait for a thread that is stuck in here.
    if let Ok(mut log) = LOG.try_lock()
        && let Some(file) = &mut *log
    {
        let _ = file.write_all(bytes);
        return;
    }
    let _ = io::stderr().write_all(bytes);
}

/// Returns which file the log is. Before the first rotation that is not known: the file at its path
/// is assumed.
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
