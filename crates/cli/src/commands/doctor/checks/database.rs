//! The databases are whole. Looked at through SQLite alone, read-only, and not for long.

use std::path::Path;
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
    of(data, restore).into_iter().chain(of(&history, remove)).collect()
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

fn check(path: &Path) -> rusqlite::Result<String> {
    let mut db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.busy_timeout(Duration::from_millis(50))?;
    let begun = Instant::now();
    db.progress_handler(1000, Some(move || begun.elapsed() > PATIENCE))?;
    db.query_row("PRAGMA quick_check (1)", [], |row| row.get(0))
}
