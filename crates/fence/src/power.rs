//! What of a database survives a power failure.

use std::io;
use std::path::Path;

use rusqlite::Connection;

use oneworker_protocol::sabotage::{self, Sabotage};

/// Has each commit of this connection, whose database is in WAL mode, reach the disk before it is done.
pub(super) fn survive(db: &Connection, database: &Path) -> rusqlite::Result<()> {
    let synced = !sabotage::on(Sabotage::ClaimNotSynced);
    db.pragma_update(None, "synchronous", if synced { "full" } else { "normal" })?;
    // So that the log has a durable name too: SQLite sees to that where this connection has made the log, but not where another has that never
    // committed anything. From here on the log stays for as long as the connection does. As SQLite, where that can't be done it is not.
    let _ = sync_directory(database);
    Ok(())
}

/// For whoever can write, if only what others have committed from the log into the database: on macOS, fsync(2) leaves the data in the drive's
/// cache. Elsewhere this changes nothing.
pub(super) fn empty_caches(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "fullfsync", true)
}

/// The directory that a file is in.
pub fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|dir| *dir != Path::new("")).unwrap_or(Path::new("."))
}

/// Makes the names in the directory of a file durable. Windows does so by itself.
///
/// # Errors
/// What the system says. There are file systems that can't do it.
pub fn sync_directory(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::File::open(directory_of(file))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}
