//! Histories that a mutation hardly comes to: made to take for ever, or to take much.

use std::fs;

use coordinator::layout;
use coordinator::lifecycle::read_history;
use oneworker_tests::hostile::{Bounds, HISTORY_BOUNDS, Target, bounded, endless_table};
use rusqlite::Connection;

fn fed(what: &str, bytes: &[u8], bounds: Bounds) {
    bounded(&what, bounds, || (Target::named("lifecycle_db").feed)(bytes));
}

#[test]
fn a_table_without_an_end_costs_a_moment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(layout::LIFECYCLE_DB);
    fs::write(&path, endless_table()).unwrap();
    // It is one, to SQLite.
    let db = Connection::open(&path).unwrap();
    let many = db
        .query_row("SELECT count(*) FROM (SELECT 1 FROM events LIMIT 10000)", [], |row| row.get::<_, u32>(0));
    assert_eq!(many.unwrap(), 10_000);
    drop(db);
    fed("a table", &endless_table(), HISTORY_BOUNDS);
}

/// SQLite does not look at its patience in the middle of one call of a function.
#[test]
fn a_function_that_takes_very_long_is_not_called() {
    // Looks for each letter of a megabyte among all of a text that is as long as `trim` takes under our limit.
    let long = "(trim(hex(zeroblob(500000)), replace(hex(zeroblob(30000)), '0', 'y') || '0'))";
    let columns = "1 AS id, 1 AS at_ms, 1 AS noted_by, 'launched' AS kind, NULL AS worker, NULL AS epoch, NULL AS version";
    let table = "CREATE TABLE events (id INTEGER PRIMARY KEY, at_ms, noted_by, kind, worker, epoch, version";
    for made_by in [
        format!("CREATE VIEW events AS SELECT {columns}, {long} AS reason"),
        // The row comes first: to insert it would call the function.
        format!(
            "{table}); INSERT INTO events (kind) VALUES ('launched'); ALTER TABLE events ADD COLUMN reason AS {long}"
        ),
        format!("{table}, reason, CHECK {long})"),
        format!("{table}, reason, new DEFAULT {long})"),
        format!("{table}, reason); CREATE INDEX slow ON events {long}"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(layout::LIFECYCLE_DB);
        Connection::open(&path).unwrap().execute_batch(&made_by).unwrap();
        assert!(bounded(&made_by, HISTORY_BOUNDS, || read_history(dir.path(), 100)).is_err());
        fed(&made_by, &fs::read(path).unwrap(), HISTORY_BOUNDS);
    }
}

#[test]
fn a_history_of_long_values_costs_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(layout::LIFECYCLE_DB);
    fs::write(&path, &(Target::named("lifecycle_db").seeds)()[0]).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute("UPDATE events SET reason = hex(zeroblob(4000000))", [])
        .unwrap();
    let little = Bounds { sqlite: Some(4 << 20), ..HISTORY_BOUNDS };
    fed("long values", &fs::read(path).unwrap(), little);
}
