//! The tables, and the migration of a database of an earlier version.
//!
//! The version is in `user_version`, which changes in the same transaction as the tables. A
//! database of a later version is refused and not touched.

use std::path::{Path, PathBuf};

use coordinator::fence::{FenceError, FencedConnection};
use rusqlite::{Connection, TransactionBehavior};

use super::error::StoreError;

/// Each step migrates one version to the next. Steps are added, and never changed.
const STEPS: [&str; 1] = ["
    CREATE TABLE observations (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms    INTEGER NOT NULL,
        session  TEXT NOT NULL,
        kind     TEXT NOT NULL,
        text     TEXT NOT NULL,
        metadata TEXT,
        key      TEXT UNIQUE
    ) STRICT;
    CREATE INDEX observations_by_session ON observations (session);
    CREATE INDEX observations_by_time ON observations (at_ms);

    CREATE VIRTUAL TABLE observations_text USING fts5 (text, content = 'observations', content_rowid = 'id');
    CREATE TRIGGER observations_removed AFTER DELETE ON observations BEGIN
        INSERT INTO observations_text (observations_text, rowid, text) VALUES ('delete', old.id, old.text);
    END;

    CREATE TABLE leases (
        id         TEXT PRIMARY KEY,
        began_ms   INTEGER NOT NULL,
        touched_ms INTEGER NOT NULL,
        ttl_ms     INTEGER NOT NULL,
        pid        INTEGER,
        start_time INTEGER,
        boot_id    TEXT
    ) STRICT;"];

/// Applies the missing steps, all in one transaction.
pub(super) fn bring_up_to_date(db: &mut FencedConnection) -> Result<(), StoreError> {
    let path = db.path().map(PathBuf::from).unwrap_or_default();
    let update = db.transaction(TransactionBehavior::Immediate)?;
    let missing = missing(&update, &path)?;
    if missing.is_empty() {
        return Ok(());
    }
    for step in missing {
        update.execute_batch(step)?;
    }
    update.pragma_update(None, "user_version", known())?;
    Ok(update.commit()?)
}

fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Returns the steps that this database is missing.
fn missing(db: &Connection, path: &Path) -> Result<&'static [&'static str], StoreError> {
    let found = db.pragma_query_value(None, "user_version", |row| row.get(0));
    let found: i64 = found.map_err(|error| FenceError::of(error, path))?;
    let missing = usize::try_from(found).ok().and_then(|found| STEPS.get(found..));
    missing.ok_or_else(|| StoreError::TooNew { path: path.to_owned(), found, known: known() })
}

/// Returns the version of the tables in this database, and the highest that this program knows.
///
/// # Errors
/// If the database can't be read.
pub fn schema_versions(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    Ok((db.pragma_query_value(None, "user_version", |row| row.get(0))?, known()))
}

/// Checks that this is a worker's database, of this version or an earlier one.
pub(super) fn is_known(db: &Connection, path: &Path) -> Result<(), StoreError> {
    if missing(db, path)?.len() == STEPS.len() {
        let what = format!("{} is no backup of a worker's database", path.display());
        return Err(StoreError::Copy(std::io::Error::new(std::io::ErrorKind::InvalidData, what)));
    }
    Ok(())
}

/// Returns what is wrong with the file. Empty if it is intact.
pub(super) fn check(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut query = db.prepare("PRAGMA integrity_check (20)")?;
    let found = query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(if found == ["ok"] { Vec::new() } else { found })
}
