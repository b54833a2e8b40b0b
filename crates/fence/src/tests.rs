use super::*;

const PATIENCE: Duration = Duration::from_millis(200);

fn database() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("worker.db");
    (dir, path)
}

fn claim(path: &Path, epoch: u64) -> Fence {
    Fence::claim(path, Epoch(epoch), PATIENCE).unwrap()
}

/// A connection of epoch 1 with a table, after epoch 2 has claimed the database.
fn stale(path: &Path) -> FencedConnection {
    let stale = claim(path, 1).connect().unwrap();
    stale
        .execute_batch(
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
             CREATE VIRTUAL TABLE words USING fts5 (text);
             INSERT INTO notes (text) VALUES ('before');",
        )
        .unwrap();
    claim(path, 2);
    stale
}

fn count(path: &Path) -> i64 {
    let db = Connection::open(path).unwrap();
    db.query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap()
}

#[test]
fn whatever_an_earlier_tenure_writes_is_refused_after_the_claim_of_a_later_one() {
    let (_dir, path) = database();
    let mut stale = stale(&path);
    for sql in [
        "INSERT INTO notes (text) VALUES ('after')",
        "UPDATE notes SET text = 'after'",
        "DELETE FROM notes",
        "CREATE TABLE more (x)",
        "DROP TABLE notes",
        "CREATE INDEX by_text ON notes (text)",
        "INSERT INTO words VALUES ('after')",
        "PRAGMA user_version = 7",
        "BEGIN; INSERT INTO notes (text) VALUES ('after'); COMMIT",
    ] {
        let Err(error) = stale.execute_batch(sql) else { panic!("{sql} was committed") };
        let _ = stale.execute_batch("ROLLBACK");
        let explained = stale.explain(error);
        assert!(
            matches!(explained, FenceError::Superseded { mine: Epoch(1), current: Epoch(2) }),
            "{sql}: {explained:?}"
        );
    }
    assert!(stale.execute_batch("VACUUM").is_err());
    let transaction = stale.transaction(TransactionBehavior::Immediate).unwrap();
    transaction.execute("DELETE FROM notes", []).unwrap();
    assert!(transaction.commit().is_err());
    assert_eq!(stale.superseded_by(), Some(Epoch(2)));
    assert_eq!(count(&path), 1);
    drop(stale);
    let db = Connection::open(&path).unwrap();
    let text: String = db.query_row("SELECT text FROM notes", [], |row| row.get(0)).unwrap();
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!((text.as_str(), version), ("before", 0));
}

#[test]
fn a_transaction_that_was_begun_before_the_claim_does_not_commit_after_it() {
    let (_dir, path) = database();
    let old = claim(&path, 1);
    let stale = old.connect().unwrap();
    stale.execute_batch("CREATE TABLE notes (text); BEGIN; SELECT count(*) FROM notes").unwrap();
    claim(&path, 2);
    // It has read before the claim: SQLite itself refuses to let it write on what it has seen.
    assert!(stale.execute("INSERT INTO notes VALUES ('after')", []).is_err());
    stale.execute_batch("ROLLBACK").unwrap();
    // It holds the write lock: the claim has to wait for it, and says for whom.
    let new = claim(&path, 3).connect().unwrap();
    new.execute_batch("BEGIN IMMEDIATE; INSERT INTO notes VALUES ('in time')").unwrap();
    let busy = Fence::claim(&path, Epoch(4), PATIENCE).unwrap_err();
    assert!(matches!(busy, FenceError::DatabaseBusy { .. }), "{busy:?}");
    if cfg!(target_os = "linux") {
        let me = format!("pid {}", std::process::id());
        assert!(busy.to_string().contains(&me), "{busy}");
    }
    new.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&path), 1);
    claim(&path, 4);
}

#[test]
fn an_attached_database_has_a_fence_of_its_own_and_none_is_attached_without() {
    let (dir, path) = database();
    let other = dir.path().join("other.db");
    let (main, side) = (claim(&path, 1), claim(&other, 1));
    let db = main.connect().unwrap();
    db.attach(&side, "side").unwrap();
    db.execute_batch("CREATE TABLE notes (text); CREATE TABLE side.notes (text)").unwrap();
    db.execute("INSERT INTO side.notes VALUES ('before')", []).unwrap();
    claim(&other, 2);
    let error = db.execute("INSERT INTO side.notes VALUES ('after')", []).unwrap_err();
    assert!(matches!(db.explain(error), FenceError::Superseded { current: Epoch(2), .. }));
    assert_eq!(count(&other), 1);

    let db = claim(&path, 2).connect().unwrap();
    let third = dir.path().join("third.db");
    for sql in [format!("ATTACH '{}' AS third", third.display()), "ATTACH 'file:x?mode=memory' AS x".into()] {
        let error = db.execute(&sql, []).unwrap_err();
        assert_eq!(
            error.sqlite_error_code(),
            Some(ErrorCode::AuthorizationForStatementDenied),
            "{sql}: {error}"
        );
    }
    assert!(db.execute("ATTACH ?1 AS third", [third.to_str()]).is_err());
    assert!(!third.exists());
    // Which must not keep this from working.
    db.execute_batch("ATTACH ':memory:' AS scratch; CREATE TABLE scratch.x (y); VACUUM").unwrap();
}

#[test]
fn the_fence_itself_can_not_be_taken_down_by_what_it_guards() {
    let (_dir, path) = database();
    let db = claim(&path, 3).connect().unwrap();
    for sql in [
        "DELETE FROM oneworker_fence",
        "UPDATE oneworker_fence SET epoch = 9",
        "INSERT INTO oneworker_fence VALUES (2, 1, x'00')",
        "DROP TABLE oneworker_fence",
        "ALTER TABLE oneworker_fence RENAME TO gone",
    ] {
        let error = db.execute_batch(sql).unwrap_err();
        assert_eq!(
            error.sqlite_error_code(),
            Some(ErrorCode::AuthorizationForStatementDenied),
            "{sql}: {error}"
        );
    }
    // Somebody else's SQLite can: then nothing is committed at all.
    db.execute_batch("CREATE TABLE notes (text)").unwrap();
    Connection::open(&path).unwrap().execute_batch("DELETE FROM oneworker_fence").unwrap();
    let error = db.execute("INSERT INTO notes VALUES (1)", []).unwrap_err();
    assert!(matches!(db.explain(error), FenceError::Unreadable));
    assert_eq!(count(&path), 0);
}

#[test]
fn a_database_is_claimed_once_for_an_epoch_and_for_none_that_is_lower() {
    let (_dir, path) = database();
    assert_eq!(Fence::highest(&path).unwrap(), None);
    let fence = claim(&path, 5);
    for epoch in [1, 4, 5] {
        let refused = Fence::claim(&path, Epoch(epoch), PATIENCE).unwrap_err();
        assert!(
            matches!(refused, FenceError::Superseded { mine, current: Epoch(5) } if mine.0 == epoch),
            "{refused:?}"
        );
    }
    assert_eq!(Fence::highest(&path).unwrap(), Some(Epoch(5)));
    // Those who failed have changed nothing.
    fence.connect().unwrap().execute_batch("CREATE TABLE notes (text)").unwrap();
    claim(&path, 6);
    assert!(matches!(fence.connect(), Err(FenceError::Superseded { current: Epoch(6), .. })));
}

#[test]
fn what_is_no_epoch_is_damage_and_not_a_number_to_go_above() {
    let (_dir, path) = database();
    let fence = claim(&path, 5);
    let raw = Connection::open(&path).unwrap();
    raw.execute("UPDATE oneworker_fence SET epoch = -2", []).unwrap();
    assert!(matches!(Fence::highest(&path), Err(FenceError::Corrupt { .. })));
    assert!(matches!(Fence::claim(&path, Epoch(6), PATIENCE), Err(FenceError::Corrupt { .. })));
    assert!(fence.connect().is_err());
}

#[test]
fn what_is_no_database_is_left_as_it_is() {
    let (_dir, path) = database();
    let garbage = b"this is no database, but somebody's diary".repeat(100);
    std::fs::write(&path, &garbage).unwrap();
    assert!(matches!(Fence::claim(&path, Epoch(1), PATIENCE), Err(FenceError::Corrupt { .. })));
    assert!(matches!(Fence::highest(&path), Err(FenceError::Corrupt { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), garbage);
}

/// Many threads commit while epochs are claimed under them: in the end no row was committed by an epoch after the claim of a higher one.
#[test]
fn no_row_of_a_lower_epoch_comes_after_one_of_a_higher() {
    let (_dir, path) = database();
    let first = claim(&path, 1).connect().unwrap();
    first.execute_batch("CREATE TABLE notes (id INTEGER PRIMARY KEY, epoch INTEGER)").unwrap();
    std::thread::scope(|scope| {
        for epoch in 2..7 {
            let path = &path;
            let patience = Duration::from_secs(300);
            let Ok(fence) = Fence::claim(path, Epoch(epoch), patience) else { panic!("not claimed") };
            scope.spawn(move || {
                let Ok(db) = fence.connect() else { return };
                while db.execute("INSERT INTO notes (epoch) VALUES (?1)", [epoch.cast_signed()]).is_ok() {
                    if epoch == 6 && db.last_insert_rowid() > 100 {
                        return;
                    }
                    // Who waits for SQLite's write lock only tries it now and then: a writer without a pause leaves it no room.
                    std::thread::sleep(Duration::from_micros(500));
                }
            });
            while epoch < 6 && count(path) < 10 * (epoch.cast_signed() - 1) {}
        }
    });
    let db = Connection::open(&path).unwrap();
    let mut rows = db.prepare("SELECT epoch FROM notes ORDER BY id").unwrap();
    let epochs: Vec<i64> = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(epochs.is_sorted(), "{epochs:?}");
    assert!(epochs.len() > 50, "{}", epochs.len());
}

#[cfg(all(oneworker_test, debug_assertions))]
#[test]
fn without_the_check_a_stale_connection_commits() {
    let (_dir, path) = database();
    let stale = stale(&path);
    let insert = || stale.execute("INSERT INTO notes (text) VALUES ('after')", []);
    assert!(insert().is_err());
    let _unchecked =
        oneworker_protocol::sabotage::switch_on(oneworker_protocol::sabotage::Sabotage::FenceUnchecked);
    assert!(insert().is_ok());
    assert_eq!(count(&path), 2);
}
