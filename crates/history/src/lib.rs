//! `lifecycle.db`: the history of an identity, in SQLite.
//!
//! A database that is locked, full or broken costs at most its busy time-out, and never an answer.
#![forbid(unsafe_code)]

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, ffi, params};

use oneworker_protocol::Epoch;
use oneworker_protocol::layout::LIFECYCLE_DB;
use oneworker_protocol::machine::Pid;
pub use oneworker_protocol::machine::{Event, EventKind, History};

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

/// Came later: a database of an earlier version gets it with the next event.
const PROGRAM: &str = "ALTER TABLE events ADD COLUMN program TEXT";

/// `lifecycle.db`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqliteHistory;

#[async_trait]
impl History for SqliteHistory {
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
    if !has_program(&db) {
        // Another process may have come first.
        let _ = db.execute_batch(PROGRAM);
    }
    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for event in events {
        if is_said_already(&transaction, event)? {
            continue;
        }
        transaction.execute(
            "INSERT INTO events (at_ms, noted_by, kind, worker, epoch, version, reason, program)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                millis(event.at),
                event.noted_by.0,
                event.kind.as_str(),
                event.worker.map(|pid| pid.0),
                event.epoch.map(|epoch| epoch.0.cast_signed()),
                event.version,
                event.reason,
                event.program,
            ],
        )?;
    }
    transaction.execute("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?1", [KEEP])?;
    transaction.commit()
}

fn has_program(db: &Connection) -> bool {
    db.prepare("SELECT program FROM events").is_ok()
}

/// Sessions that are held back come again and again, and must not push everything else out of the history.
fn is_said_already(db: &Connection, event: &Event) -> rusqlite::Result<bool> {
    const LAST: &str = "SELECT kind, reason FROM events ORDER BY id DESC LIMIT 1";
    if event.kind != EventKind::Refused {
        return Ok(false);
    }
    let last = db.query_row(LAST, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)));
    let code = |reason: &Option<String>| {
        reason.as_deref().and_then(|reason| reason.split(':').next()).unwrap_or_default().to_owned()
    };
    match last {
        Ok((kind, reason)) => Ok(kind == event.kind.as_str() && code(&reason) == code(&event.reason)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(false),
        Err(error) => Err(error),
    }
}

fn millis(at: SystemTime) -> i64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// An event with its number in the database: who follows the history goes on after the last number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Grows with every event.
    pub id: i64,
    /// What was noted.
    pub event: Event,
}

/// Which events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Those with a greater number.
    pub after: i64,
    /// Those of this time or later.
    pub since: Option<SystemTime>,
    /// Of these, the last so many.
    pub limit: u32,
}

/// The last `limit` events, oldest first.
///
/// # Errors
/// If there is no history, or it can't be read.
pub fn read_history(dir: &Path, limit: u32) -> rusqlite::Result<Vec<Event>> {
    let wanted = Wanted { after: i64::MIN, since: None, limit };
    Ok(read_events(dir, &wanted)?.into_iter().map(|noted| noted.event).collect())
}

/// These events, oldest first.
///
/// # Errors
/// If there is no history, or it can't be read.
pub fn read_events(dir: &Path, wanted: &Wanted) -> rusqlite::Result<Vec<Noted>> {
    let mut db = Connection::open_with_flags(dir.join(LIFECYCLE_DB), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    bound(&mut db)?;
    let program = if has_program(&db) { "program" } else { "NULL" };
    let mut query = db.prepare(&format!(
        "SELECT id, at_ms, noted_by, kind, worker, epoch, version, reason, {program}
         FROM (SELECT * FROM events WHERE id > ?1 AND at_ms >= ?2 ORDER BY id DESC LIMIT ?3) ORDER BY id"
    ))?;
    let since = wanted.since.map_or(i64::MIN, millis);
    let rows = query.query_map(params![wanted.after, since, wanted.limit], |row| {
        let (at, kind): (i64, String) = (row.get(1)?, row.get(3)?);
        // A kind that only a newer version knows is passed over.
        let Some(kind) = EventKind::parse(&kind) else { return Ok(None) };
        // Not every system knows times that are so far away.
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(at.unsigned_abs()));
        let event = Event {
            at: at.unwrap_or(SystemTime::UNIX_EPOCH),
            noted_by: Pid(row.get(2)?),
            kind,
            worker: row.get::<_, Option<u32>>(4)?.map(Pid),
            epoch: row.get::<_, Option<i64>>(5)?.map(|epoch| Epoch(epoch.cast_unsigned())),
            version: row.get(6)?,
            program: row.get(8)?,
            reason: row.get(7)?,
        };
        Ok(Some(Noted { id: row.get(0)?, event }))
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
            program: Some("/opt/a/oneworker".to_owned()),
            reason: None,
        }
    }

    #[tokio::test]
    async fn events_come_back_in_order_and_an_unknown_kind_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let events = vec![event(EventKind::TenureBegan, 1), event(EventKind::TenureEnded, 1)];
        SqliteHistory.note(dir.path(), events.clone()).await;
        let db = Connection::open(dir.path().join(LIFECYCLE_DB)).unwrap();
        db.execute("INSERT INTO events (at_ms, noted_by, kind) VALUES (1, 1, 'from_the_future')", [])
            .unwrap();
        assert_eq!(read_history(dir.path(), 10).unwrap(), events);
    }

    #[tokio::test]
    async fn a_history_of_the_first_version_is_read_and_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let db = Connection::open(dir.path().join(LIFECYCLE_DB)).unwrap();
        db.execute_batch(SCHEMA).unwrap();
        let insert = "INSERT INTO events (at_ms, noted_by, kind, epoch) VALUES (1, 1, 'tenure_began', 3)";
        db.execute(insert, []).unwrap();
        let first = read_history(dir.path(), 10).unwrap();
        assert_eq!((first[0].epoch, &first[0].program), (Some(Epoch(3)), &None));
        let next = event(EventKind::TenureEnded, 3);
        SqliteHistory.note(dir.path(), vec![next.clone()]).await;
        // And one of the first version goes on with it.
        db.execute(insert, []).unwrap();
        let read = read_history(dir.path(), 10).unwrap();
        assert_eq!(read[1], next);
        assert_eq!(read.len(), 3);
    }

    #[tokio::test]
    async fn of_the_same_refusal_in_a_row_only_the_first_is_noted() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |code: &str| Event {
            reason: Some(format!("{code}: in {:?}", Instant::now())),
            ..event(EventKind::Refused, 1)
        };
        for code in ["cooling_down", "cooling_down", "port_taken", "cooling_down"] {
            SqliteHistory.note(dir.path(), vec![refused(code)]).await;
        }
        assert_eq!(read_history(dir.path(), 10).unwrap().len(), 3);
    }

    #[tokio::test]
    async fn the_events_after_a_number_and_of_a_time_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let later = Event {
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            ..event(EventKind::TenureEnded, 1)
        };
        SqliteHistory.note(dir.path(), vec![event(EventKind::TenureBegan, 1), later.clone()]).await;
        let all = Wanted { after: 0, since: None, limit: 10 };
        let read = |wanted: Wanted| read_events(dir.path(), &wanted).unwrap();
        let first = read(all)[0].id;
        let only_later = [later.clone()];
        let events = |noted: Vec<Noted>| noted.into_iter().map(|noted| noted.event).collect::<Vec<_>>();
        assert_eq!(events(read(Wanted { after: first, ..all })), only_later);
        assert_eq!(events(read(Wanted { since: Some(later.at), ..all })), only_later);
        assert_eq!(events(read(Wanted { limit: 1, ..all })), only_later);
        assert!(read(Wanted { after: first + 1, ..all }).is_empty());
    }

    #[tokio::test]
    async fn a_writer_stuck_in_a_transaction_costs_the_events_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        SqliteHistory.note(dir.path(), vec![event(EventKind::Launched, 1)]).await;
        let stuck = Connection::open(dir.path().join(LIFECYCLE_DB)).unwrap();
        stuck.execute_batch("BEGIN IMMEDIATE").unwrap();
        SqliteHistory.note(dir.path(), vec![event(EventKind::Replaced, 2)]).await;
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
            SqliteHistory.note(dir.path(), vec![event(EventKind::Launched, 1)]).await;
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
            SqliteHistory.note(dir.path(), vec![event(EventKind::Launched, 1)]).await;
            assert!(std::fs::read(dir.path().join(LIFECYCLE_DB)).unwrap() == before, "{hostile}");
        }
    }

    #[tokio::test]
    async fn columns_and_tables_of_a_later_version_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let events = vec![event(EventKind::TenureBegan, 1)];
        SqliteHistory.note(dir.path(), events.clone()).await;
        let db = Connection::open(dir.path().join(LIFECYCLE_DB)).unwrap();
        db.execute_batch(
            "ALTER TABLE events ADD COLUMN new TEXT DEFAULT 'x'; CREATE TABLE more (a INTEGER PRIMARY KEY, b TEXT) STRICT",
        )
        .unwrap();
        SqliteHistory.note(dir.path(), events.clone()).await;
        assert_eq!(read_history(dir.path(), 10).unwrap(), [events.clone(), events].concat());
    }

    #[tokio::test]
    async fn a_value_of_any_length_costs_little_memory() {
        let dir = tempfile::tempdir().unwrap();
        SqliteHistory.note(dir.path(), vec![event(EventKind::Launched, 1)]).await;
        assert_eq!(read_history(dir.path(), 10).unwrap().len(), 1);
        let db = Connection::open(dir.path().join(LIFECYCLE_DB)).unwrap();
        db.execute("UPDATE events SET reason = hex(zeroblob(?1))", [MAX_VALUE / 2]).unwrap();
        assert!(read_history(dir.path(), 10).is_err());
    }

    #[tokio::test]
    async fn a_database_full_of_garbage_costs_the_events_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LIFECYCLE_DB), vec![0xAB; 8192]).unwrap();
        SqliteHistory.note(dir.path(), vec![event(EventKind::Launched, 1)]).await;
        assert!(read_history(dir.path(), 10).is_err());
    }
}

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
