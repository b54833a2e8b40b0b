//! What of a database survives a power failure.

use std::path::Path;

use rusqlite::Connection;

use crate::sabotage::{self, Sabotage};

/// Has each commit of this connection, whose database is in WAL mode, reach the disk before it is done.
pub(super) fn survive(db: &Connection, database: &Path) -> rusqlite::Result<()> {
    let synced = !sabotage::on(Sabotage::ClaimNotSynced);
    db.pragma_update(None, "synchronous", if synced { "full" } else { "normal" })?;
    sync_directory(database);
    Ok(())
}

/// For whoever can write, if only what others have committed from the log into the database: on macOS, fsync(2) leaves the data in the drive's
/// cache. Elsewhere this changes nothing.
pub(super) fn empty_caches(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "fullfsync", true)
}

/// So that the log has a durable name too: SQLite sees to that where this connection has made the log, but not where another has that never
/// committed anything. From here on the log stays for as long as the connection does.
#[cfg(unix)]
fn sync_directory(database: &Path) {
    let directory = database.parent().filter(|dir| *dir != Path::new("")).unwrap_or(Path::new("."));
    // As SQLite, which goes on where a file system does not do this.
    let _ = std::fs::File::open(directory).and_then(|directory| directory.sync_all());
}

#[cfg(not(unix))]
fn sync_directory(_database: &Path) {}
