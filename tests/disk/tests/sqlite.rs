//! SQLite on a disk whose power fails.

#![allow(missing_docs, reason = "the names say it")]
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use oneworker_disk::Disk;
use rusqlite::Connection;

fn open(disk: &Disk, synchronous: &str) -> rusqlite::Result<Connection> {
    let db = Connection::open(disk.path("a.db"))?;
    db.execute_batch(&format!("PRAGMA synchronous = {synchronous}; PRAGMA journal_mode = wal"))?;
    db.execute_batch("CREATE TABLE IF NOT EXISTS notes (n INTEGER PRIMARY KEY, text TEXT)")?;
    Ok(db)
}

fn insert(db: &Connection, n: i64) -> rusqlite::Result<usize> {
    db.execute("INSERT INTO notes VALUES (?1, ?2)", (n, "x".repeat(3000)))
}

fn rows(disk: &Disk) -> Vec<i64> {
    let db = Connection::open(disk.path("a.db")).unwrap();
    let whole: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    if !db.table_exists(None, "notes").unwrap() {
        return Vec::new();
    }
    let mut query = db.prepare("SELECT n FROM notes ORDER BY n").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Inserts rows until the power fails; how many were acknowledged.
fn fill(disk: &Disk, synchronous: &str) -> i64 {
    let Ok(db) = open(disk, synchronous) else { return 0 };
    (0..100).take_while(|n| insert(&db, *n).is_ok()).count() as i64
}

/// How many rows are left of how many that were acknowledged, for many failures.
fn outcomes(disk: fn() -> std::io::Result<Disk>, synchronous: &str) -> impl Iterator<Item = (i64, i64)> {
    (0..150).map(move |seed| {
        let disk = disk().unwrap();
        disk.fail_at(1 + seed as usize * 7 % 300);
        let acknowledged = fill(&disk, synchronous);
        let rows = rows(&disk.after_power_failure(seed).unwrap());
        assert!(rows.iter().copied().eq(0..rows.len() as i64), "seed {seed}: {rows:?}");
        (rows.len() as i64, acknowledged)
    })
}

#[test]
fn what_is_synced_at_each_commit_is_there_and_at_most_one_more() {
    for (left, acknowledged) in outcomes(Disk::new, "full") {
        assert!((acknowledged..=acknowledged + 1).contains(&left), "{left} of {acknowledged}");
    }
}

#[test]
fn what_is_synced_now_and_then_is_lost_in_part_and_whole() {
    let lost = outcomes(Disk::new, "normal").filter(|(left, acknowledged)| left < acknowledged).count();
    assert!(lost > 20, "{lost}");
}

#[test]
fn what_is_synced_into_a_cache_is_lost_unless_it_is_emptied() {
    let full = "full; PRAGMA fullfsync = on";
    assert!(outcomes(Disk::with_cache, full).all(|(left, acknowledged)| left >= acknowledged));
    let mut lost = 0;
    for seed in 0..50 {
        let disk = Disk::with_cache().unwrap();
        disk.fail_at(200);
        let acknowledged = fill(&disk, "full");
        let db = Connection::open(disk.after_power_failure(seed).unwrap().path("a.db")).unwrap();
        let left = db.query_row("SELECT count(*) FROM notes", [], |row| row.get::<_, i64>(0));
        lost += u32::from(!left.is_ok_and(|left| left >= acknowledged));
    }
    assert!(lost > 10, "{lost}");
}

#[test]
fn connections_share_a_database_and_exclude_each_other() {
    let disk = Disk::new().unwrap();
    let (a, b) = (open(&disk, "full").unwrap(), open(&disk, "full").unwrap());
    a.busy_timeout(std::time::Duration::ZERO).unwrap();
    b.execute_batch("BEGIN IMMEDIATE").unwrap();
    insert(&b, 1).unwrap();
    assert_eq!(rows(&disk), [0_i64; 0]);
    let busy = insert(&a, 2).unwrap_err();
    assert_eq!(busy.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
    b.execute_batch("COMMIT").unwrap();
    insert(&a, 2).unwrap();
    assert_eq!(rows(&disk), [1, 2]);
    drop((a, b));
    // Whoever closes it last has emptied the log.
    assert!(!disk.path("a.db-wal").exists());
}

#[test]
fn threads_wait_for_each_other() {
    let disk = Disk::new().unwrap();
    open(&disk, "full").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let disk = &disk;
            scope.spawn(move || {
                let db = open(disk, "full").unwrap();
                db.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
                (0..50).for_each(|n| assert_eq!(insert(&db, thread * 50 + n), Ok(1)));
            });
        }
    });
    assert!(rows(&disk).into_iter().eq(0..200));
}

#[test]
fn the_same_story_has_the_same_operations_and_the_same_end() {
    let tell = || {
        let disk = Disk::new().unwrap();
        disk.fail_at(77);
        fill(&disk, "normal");
        (rows(&disk.after_power_failure(5).unwrap()), disk.log())
    };
    assert_eq!(tell(), tell());
}

#[test]
fn a_rename_is_seen_and_is_durable_once_the_directory_was_synced() {
    let renamed = |synced: bool| {
        let disk = Disk::new().unwrap();
        let db = open(&disk, "full").unwrap();
        insert(&db, 1).unwrap();
        drop(db);
        disk.sync_directory();
        std::fs::rename(disk.path("a.db"), disk.path("b.db")).unwrap();
        if synced {
            disk.sync_directory();
        }
        move |seed| disk.after_power_failure(seed).unwrap().path("b.db").exists()
    };
    assert!((0..50).all(renamed(true)));
    let there = (0..50).filter(|seed| renamed(false)(*seed)).count();
    assert!((5..45).contains(&there), "{there}");
}

#[test]
fn other_paths_are_on_no_disk() {
    let _disk = Disk::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let db = Connection::open(dir.path().join("real.db")).unwrap();
    db.execute_batch("CREATE TABLE notes (n)").unwrap();
    assert!(std::fs::metadata(dir.path().join("real.db")).unwrap().len() > 4096);
}

#[test]
fn the_dead_do_nothing_more() {
    let disk = Disk::new().unwrap();
    let db = open(&disk, "full").unwrap();
    disk.cut_power();
    assert!(insert(&db, 1).is_err() && Connection::open(disk.path("b.db")).is_err());
    let operations = disk.operations();
    drop(db);
    assert_eq!(disk.operations(), operations);
}
