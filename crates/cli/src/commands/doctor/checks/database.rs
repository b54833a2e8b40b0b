//! The databases are whole, and are ours. Looked at through SQLite alone, read-only, and not for long.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coordinator::layout;
use rusqlite::{Connection, OpenFlags};

use super::{Case, Finding};

/// A database of which not all was seen by then is taken for whole.
const PATIENCE: Duration = Duration::from_millis(400);

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let data = &case.settings.database.value;
    let history = case.dir.join(layout::LIFECYCLE_DB);
    let restore = format!(
        "Stop the worker, and put a backup in its place with {}.",
        case.words.command("restore FILE")
    );
    let remove = format!("Stop the worker and remove {}: only the history is lost.", history.display());
    let of = |path: &Path, help: String| {
        let wrong = path.exists().then(|| wrong(path)).flatten()?;
        Some(Finding::problem(format!("the database {} is not in order: {wrong}", path.display()), help))
    };
    let whole = of(data, restore);
    let ours = if whole.is_none() { not_ours(data) } else { None };
    let found = [whole, ours, journal_alone(data), of(&history, remove)];
    found.into_iter().flatten().collect()
}

/// What is wrong with it.
fn wrong(path: &Path) -> Option<String> {
    match check(path) {
        Ok(found) if found == "ok" => None,
        Ok(found) => Some(found),
        // Too large for our patience, or somebody writes.
        Err(rusqlite::Error::SqliteFailure(error, _))
            if matches!(
                error.code,
                rusqlite::ErrorCode::OperationInterrupted
                    | rusqlite::ErrorCode::DatabaseBusy
                    | rusqlite::ErrorCode::DatabaseLocked
            ) =>
        {
            None
        }
        Err(error) => Some(error.to_string()),
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.busy_timeout(Duration::from_millis(50))?;
    Ok(db)
}

fn check(path: &Path) -> rusqlite::Result<String> {
    let mut db = open(path)?;
    let begun = Instant::now();
    db.progress_handler(1000, Some(move || begun.elapsed() > PATIENCE))?;
    db.query_row("PRAGMA quick_check (1)", [], |row| row.get(0))
}

/// A database that no worker of this version can use, or should.
fn not_ours(path: &Path) -> Option<Finding> {
    let db = path.exists().then(|| open(path).ok()).flatten()?;
    let shown = path.display();
    let (found, known) = worker::schema_versions(&db).ok()?;
    let count = |of: &str| -> Option<i64> {
        let query = format!("SELECT count(*) FROM sqlite_schema WHERE type = 'table' {of}");
        db.query_row(&query, [], |row| row.get(0)).ok()
    };
    if count("AND name = 'oneworker_fence'")? == 0 {
        let message = format!("the database {shown} is another program's");
        let help = "Name a database of the worker's own with --database, or move this one away.";
        return (count("")? > 0).then(|| Finding::problem(message, help));
    }
    (found > known).then(|| {
        let message = format!(
            "the database {shown} was written by a newer version (its schema is {found}, this one knows up to {known})"
        );
        Finding::problem(message, "Use the newer version, or name another database with --database.")
    })
}

/// Commits that wait in the journal of a database that is gone.
fn journal_alone(path: &Path) -> Option<Finding> {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-wal");
    let journal = PathBuf::from(journal);
    let bytes = journal.symlink_metadata().ok()?.len();
    (bytes > 0 && !path.exists()).then(|| {
        let message =
            format!("{} has {bytes} bytes of a database, and that is gone: {}", journal.display(), path.display());
        let help = "Before a worker starts, put the database back beside it (the next worker begins an empty one), or move it away.";
        Finding::problem(message, help)
    })
}
