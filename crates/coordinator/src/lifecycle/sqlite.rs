use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, ffi, params};

use super::{Event, EventKind, Lifecycle};
use crate::identity::Epoch;
use crate::layout::LIFECYCLE_DB;
use crate::machine::Pid;

/// How long to wait for another writer before the events are dropped: a session that was stopped inside a transaction must not keep
/// anybody from office.
const BUSY_TIMEOUT: Duration = Duration::from_millis(50);
/// How long the statements of one call may run: a file that is not ours can have a view or a trigger that never ends.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest value, in bytes: a view can make them of any length.
const MAX_VALUE: i32 = 1 << 20;
/// Older events are dropped, so that the file stays small.
const KEEP: u32 = 20_000;
/// The frozen format; later versions only add columns and tables, of plain columns: see [`is_foreign`].
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS events (
        id       INTEGER PRIMARY KEY,
        at_ms    INTEGER NOT NULL,
        noted_by INTEGER NOT NULL,
        kind     TEXT NOT NULL,
        worker   INTEGER,
        epoch    INTEGER,
        version  TEXT,
        reason   TEXT
    ) STRICT;";

/// `lifecycle.db`.
pub struct SqliteLifecycle;

#[async_trait]
impl Lifecycle for SqliteLifecycle {
    async fn note(&self, dir: &Path, events: Vec<Event>) {
        let path = dir.join(LIFECYCLE_DB);
        let write = tokio::task::spawn_blocking(move || write(&path, &events));
        // Best effort: whatever went wrong with the history, the answer does not depend on it.
        let _ = write.await;
    }
}

/// What is in the file may cost so much and no more (<https://www.sqlite.org/security.html>).
fn bound(db: &mut Connection) -> rusqlite::Result<()> {
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
    let begun = Instant::now();
    db.progress_handler(1000, Some(move || begun.elapsed() > PATIENCE))?;
    if is_foreign(db)? {
        let what = "it holds more than tables of plain columns".to_owned();
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOTADB), Some(what)));
    }
    Ok(())
}

/// Whether the file has anything in it that would be run, and is not ours then. SQLite asks after its patience only between the steps of a
/// statement, and one call of a function can take many minutes (`trim`, say, even under our limit). A view, a trigger, an index or a
/// virtual table may hold such a call, and so may a table's definition, but not without parentheses inside those of its columns. Each
/// may also open cursors, and a damaged row costs up to 68 MB for each of them.
///
/// Only the texts count: it is from them that SQLite makes its schema, whatever the other columns say.
fn is_foreign(db: &Connection) -> rusqlite::Result<bool> {
    const FOREIGN: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema
        WHERE sql IS NULL OR sql NOT LIKE 'CREATE TABLE %(%' OR sql LIKE '%(%(%')";
    db.query_row(FOREIGN, [], |row| row.get(0))
}

fn write(path: &Path, events: &[Event]) -> rusqlite::Result<()> {
    let mut db = Connection::open(path)?;
    bound(&mut db)?;
    db.pragma_update(None, "journal_mode", "wal")?;
    // The history may lose its last lines with the power; it must not cost a sync.
    db.pragma_update(None, "synchronous", "off")?;
    db.execute_batch(SCHEMA)?;
    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for event in events {
        transaction.execute(
            "INSERT INTO events (at_ms, noted_by, kind, worker, epoch, version, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                millis(event.at),
                event.noted_by.0,
                event.kind.as_str(),
                event.worker.map(|pid| pid.0),
                event.epoch.map(|epoch| epoch.0.cast_signed()),
                event.version,
                event.reason,
            ],
        )?;
    }
    transaction.execute("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?1", [KEEP])?;
    transaction.commit()
}

fn millis(at: SystemTime) -> i64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The last `limit` events, oldest first.
///
/// # Errors
/// If there is no history, or it can't be read.
pub fn read_history(dir: &Path, limit: u32) -> rusqlite::Result<Vec<Event>> {
    let mut db = Connection::open_with_flags(dir.join(LIFECYCLE_DB), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    bound(&mut db)?;
    let mut query = db.prepare(
        "SELECT at_ms, noted_by, kind, worker, epoch, version, reason FROM (SELECT * FROM events ORDER BY id DESC LIMIT ?1) ORDER BY id",
    )?;
    let rows = query.query_map([limit], |row| {
        let (at, kind): (i64, String) = (row.get(0)?, row.get(2)?);
        // A kind that only a newer version knows is passed over.
        let Some(kind) = EventKind::parse(&kind) else { return Ok(None) };
        // Not every system knows times that are so far away.
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(at.unsigned_abs()));
        Ok(Some(Event {
            at: at.unwrap_or(SystemTime::UNIX_EPOCH),
            noted_by: Pid(row.get(1)?),
            kind,
            worker: row.get::<_, Option<u32>>(3)?.map(Pid),
            epoch: row.get::<_, Option<i64>>(4)?.map(|epoch| Epoch(epoch.cast_unsigned())),
            version: row.get(5)?,
            reason: row.get(6)?,
        }))
    })?;
    rows.filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, epoch: u64) -> Event {
        Event {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            noted_by: Pid(7),
            kind,
            worker: Some(Pid(8)),
            epoch: Some(Epoch(epoch)),
            version: Some("1.2.3".to_owned()),
            reason: None,
        }
    }

    #[tokio::test]
    async fn events_come_back_in_order_and_an_unknown_kind_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let events = vec![event(EventKind::TenureBegan, 1), event(EventKind::TenureEnded, 1)];
        SqliteLifecycle.note(dir.path(), events.clone()).await;
        let db = Connection::open(dir.path().join(LIFECYCLE_DB)).unwrap();
        db.execute("INSERT INTO events (at_ms, noted_by, kind) VALUES (1, 1, 'from_the_future')", [])
            .unwrap();
        assert_eq!(read_history(dir.path(), 10).unwrap(), events);
    }

    #[tokio::test]
    async fn a_writer_stuck_in_a_transaction_costs_the_events_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        SqliteLifecycle.note(dir.path(), vec![event(EventKind::Launched, 1)]).await;
        let stuck = Connection::open(dir.path().join(LIFECYCLE_DB)).unwrap();
        stuck.execute_batch("BEGIN IMMEDIATE").unwrap();
        SqliteLifecycle.note(dir.path(), vec![event(EventKind::Replaced, 2)]).await;
        drop(stuck);
        assert_eq!(read_history(dir.path(), 10).unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_database_with_statements_that_never_end_costs_a_moment_and_nothing_else() {
        const FOR_EVER: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i";
        let view = format!(
            "CREATE VIEW events AS SELECT i AS id, i AS at_ms, i AS noted_by, 'launched' AS kind, NULL AS worker,
             NULL AS epoch, NULL AS version, NULL AS reason FROM ({FOR_EVER} FROM n)"
        );
        let trigger = format!(
            "{SCHEMA} CREATE TRIGGER slow AFTER INSERT ON events BEGIN SELECT max(i) FROM ({FOR_EVER} FROM n); END"
        );
        for hostile in [view, trigger] {
            let dir = tempfile::tempdir().unwrap();
            Connection::open(dir.path().join(LIFECYCLE_DB)).unwrap().execute_batch(&hostile).unwrap();
            SqliteLifecycle.note(dir.path(), vec![event(EventKind::Launched, 1)]).await;
            assert!(read_history(dir.path(), 10).map_or(true, |events| events.is_empty()));
        }
    }

    #[tokio::test]
    async fn nothing_that_others_have_put_into_the_file_is_run() {
        let columns = "id INTEGER PRIMARY KEY, at_ms, noted_by, kind, worker, epoch, version, reason";
        let view = "CREATE VIEW events AS SELECT 1 AS id, 1 AS at_ms, 1 AS noted_by, 'launched' AS kind, NULL AS worker,
            NULL AS epoch, NULL AS version, NULL AS reason;";
        let foreign = [
            view.to_owned(),
            format!(
                "{view} PRAGMA writable_schema = on; UPDATE sqlite_schema SET type = 'table', rootpage = 2"
            ),
            format!("{SCHEMA} CREATE TRIGGER then_this AFTER INSERT ON events BEGIN SELECT 1; END"),
            format!("{SCHEMA} CREATE INDEX of_an_expression ON events (kind LIKE '%')"),
            format!("CREATE TABLE events ({columns}, made AS (kind LIKE '%'))"),
            format!("CREATE TABLE events ({columns}, CHECK (kind LIKE '%'))"),
            format!("CREATE TABLE events ({columns}, given DEFAULT (random() + 1))"),
            format!("CREATE TABLE events ({columns}, single UNIQUE)"),
            "CREATE VIRTUAL TABLE events USING fts5 (at_ms, noted_by, kind, worker, epoch, version, reason)"
                .to_owned(),
        ];
        for hostile in foreign {
            let dir = tempfile::tempdir().unwrap();
            let db = Connection::open(dir.path().join(LIFECYCLE_DB)).unwrap();
            db.execute_batch(&hostile).unwrap();
            drop(db);
            assert!(read_history(dir.path(), 10).is_err(), "{hostile}");
            let before = std::fs::read(dir.path().join(LIFECYCLE_DB)).unwrap();
            SqliteLifecycle.note(dir.path(), vec![event(EventKind::Launched, 1)]).await;
            assert!(std::fs::read(dir.path().join(LIFECYCLE_DB)).unwrap() == before, "{hostile}");
        }
    }

    #[tokio::test]
    async fn columns_and_tables_of_a_later_version_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let events = vec![event(EventKind::TenureBegan, 1)];
        SqliteLifecycle.note(dir.path(), events.clone()).await;
        let db = Connection::open(dir.path().join(LIFECYCLE_DB)).unwrap();
        db.execute_batch(
            "ALTER TABLE events ADD COLUMN new TEXT DEFAULT 'x'; CREATE TABLE more (a INTEGER PRIMARY KEY, b TEXT) STRICT",
        )
        .unwrap();
        SqliteLifecycle.note(dir.path(), events.clone()).await;
        assert_eq!(read_history(dir.path(), 10).unwrap(), [events.clone(), events].concat());
    }

    #[tokio::test]
    async fn a_value_of_any_length_costs_little_memory() {
        let dir = tempfile::tempdir().unwrap();
        SqliteLifecycle.note(dir.path(), vec![event(EventKind::Launched, 1)]).await;
        assert_eq!(read_history(dir.path(), 10).unwrap().len(), 1);
        let db = Connection::open(dir.path().join(LIFECYCLE_DB)).unwrap();
        db.execute("UPDATE events SET reason = hex(zeroblob(?1))", [MAX_VALUE / 2]).unwrap();
        assert!(read_history(dir.path(), 10).is_err());
    }

    #[tokio::test]
    async fn a_database_full_of_garbage_costs_the_events_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LIFECYCLE_DB), vec![0xAB; 8192]).unwrap();
        SqliteLifecycle.note(dir.path(), vec![event(EventKind::Launched, 1)]).await;
        assert!(read_history(dir.path(), 10).is_err());
    }
}
