//! Backup and restore. Neither needs a running worker.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use coordinator::Epoch;
use coordinator::fence::{Fence, FenceError, directory_of, sync_directory};
use rusqlite::{Connection, OpenFlags};

use super::database::LOCK_TIMEOUT;
use super::error::StoreError;
use super::schema;

/// Writes a consistent copy of the database while a worker may use it. Returns the copy's size in
/// bytes. The copy is complete and synced, or not made at all.
///
/// # Errors
/// If the database can't be read, or the copy can't be written. The file at `to` is then unchanged.
pub fn backup(database: &Path, to: &Path) -> Result<u64, StoreError> {
    let dir = directory_of(to);
    if !dir.is_dir() {
        let what = format!("{} is no directory", dir.display());
        return Err(StoreError::Copy(io::Error::new(io::ErrorKind::NotFound, what)));
    }
    let partial = with_suffix(to, &format!(".{}.partial", std::process::id()));
    // A process with this pid may have died here. In a container every process may have the same
    // pid.
    clear(&partial);
    let done = copy(database, &partial).and_then(|()| put_in_place(&partial, to).map_err(StoreError::Copy));
    clear(&partial);
    done
}

/// Replaces the database by a backup. The caller must hold the tenure of this epoch, so no worker
/// runs. The epoch must be higher than those of both files: a worker that lost its tenure can't
/// write to the restored database.
///
/// # Errors
/// If the backup is no intact database of this version or an earlier one, or the database can't be
/// written. It is then unchanged.
pub fn restore(backup: &Path, database: &Path, epoch: Epoch) -> Result<(), StoreError> {
    let stamped = with_suffix(database, &format!(".{}.partial", std::process::id()));
    clear(&stamped);
    let done =
        check(backup).and_then(|()| copy(backup, &stamped)).and_then(|()| replace(&stamped, database, epoch));
    clear(&stamped);
    done
}

/// Removes a copy that is not needed any more, or that was left behind incomplete, with the files
/// that SQLite creates beside it.
fn clear(partial: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let _ = std::fs::remove_file(with_suffix(partial, suffix));
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn read_only(path: &Path) -> Result<Connection, StoreError> {
    // SQLite would only report that it can't be opened.
    if !path.try_exists().map_err(StoreError::Copy)? {
        let what = format!("{} does not exist", path.display());
        return Err(StoreError::Copy(io::Error::new(io::ErrorKind::NotFound, what)));
    }
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.busy_timeout(LOCK_TIMEOUT)?;
    Ok(db)
}

fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let to = to.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))?;
    read_only(from)?.execute("VACUUM INTO ?1", [to]).map_err(|error| FenceError::of(error, from))?;
    Ok(())
}

/// Syncs the copy, and renames it to its place.
fn put_in_place(partial: &Path, to: &Path) -> io::Result<u64> {
    // Windows syncs only files that are open for writing (MSDN, FlushFileBuffers).
    let file = File::options().write(true).open(partial)?;
    file.sync_all()?;
    let size = file.metadata()?.len();
    drop(file);
    std::fs::rename(partial, to)?;
    sync_directory(to)?;
    Ok(size)
}

fn check(backup: &Path) -> Result<(), StoreError> {
    let db = read_only(backup)?;
    schema::is_known(&db, backup)?;
    match schema::check(&db)?.first() {
        None => Ok(()),
        Some(found) => Err(StoreError::Copy(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is damaged: {found}", backup.display()),
        ))),
    }
}

/// Replaces the content in one transaction. A program that has the database open sees the old or
/// the new content, and the new fence.
fn replace(stamped: &Path, database: &Path, epoch: Epoch) -> Result<(), StoreError> {
    let _fence = Fence::claim(stamped, epoch, LOCK_TIMEOUT)?;
    let from = Connection::open(stamped)?;
    let mut to = Connection::open(database)?;
    to.busy_timeout(LOCK_TIMEOUT)?;
    // A new file is not in WAL mode. If the removal of its journal were lost in a power failure,
    // the journal would undo everything.
    to.pragma_update(None, "synchronous", "extra")?;
    to.pragma_update(None, "fullfsync", true)?;
    let copied = rusqlite::backup::Backup::new(&from, &mut to)?
        .step(-1)
        .map_err(|error| FenceError::of(error, database))?;
    match copied {
        rusqlite::backup::StepResult::Done => {
            // In WAL mode another program may have created the log without syncing its name. As in
            // SQLite, a failure is ignored.
            let _ = sync_directory(database);
            Ok(())
        }
        _ => Err(FenceError::DatabaseBusy { path: database.to_owned(), holder: None }.into()),
    }
}
