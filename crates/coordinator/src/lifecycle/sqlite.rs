use std::path::Path;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, params};

use super::{Event, EventKind, Lifecycle};
use crate::identity::Epoch;
use crate::layout::LIFECYCLE_DB;
use crate::machine::Pid;

/// How long to wait for another writer before the events are dropped: a session that was stopped inside a transaction must not keep
/// anybody from office.
const BUSY_TIMEOUT: Duration = Duration::from_millis(50);
/// Older events are dropped, so that the file stays small.
const KEEP: u32 = 20_000;
/// The frozen format; later versions only add columns and tables.
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

fn write(path: &Path, events: &[Event]) -> rusqlite::Result<()> {
    let mut db = Connection::open(path)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
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
    let db = Connection::open_with_flags(dir.join(LIFECYCLE_DB), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    let mut query = db.prepare(
        "SELECT at_ms, noted_by, kind, worker, epoch, version, reason FROM (SELECT * FROM events ORDER BY id DESC LIMIT ?1) ORDER BY id",
    )?;
    let rows = query.query_map([limit], |row| {
        let (at, kind): (i64, String) = (row.get(0)?, row.get(2)?);
        // A kind that only a newer version knows is passed over.
        let Some(kind) = EventKind::parse(&kind) else { return Ok(None) };
        Ok(Some(Event {
            at: SystemTime::UNIX_EPOCH + Duration::from_millis(at.unsigned_abs()),
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
    async fn a_database_full_of_garbage_costs_the_events_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LIFECYCLE_DB), vec![0xAB; 8192]).unwrap();
        SqliteLifecycle.note(dir.path(), vec![event(EventKind::Launched, 1)]).await;
        assert!(read_history(dir.path(), 10).is_err());
    }
}
