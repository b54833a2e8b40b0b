//! A fence around an SQLite database: from a tenure's claim on, no commit of an earlier one succeeds.
//!
//! A worker that was paused, cut off, or had its state directory replaced may go on writing for a while after its successor has taken office.
//! No check *before* a write closes that gap. So the database itself holds the epoch of its tenure, and each commit looks at it, at an
//! instant at which nobody can change it: in SQLite's commit hook, when the committer holds the write lock. What looks is the connection,
//! not the code that uses it: rows, DDL, virtual tables, attached databases and code that never heard of fences are covered alike.
//!
//! ```
//! # use std::time::Duration;
//! # use oneworker_protocol::Epoch;
//! # use oneworker_fence::{Fence, FenceError};
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("worker.db");
//! let old = Fence::claim(&path, Epoch(1), Duration::from_secs(1))?;
//! let stale = old.connect()?;
//! stale.execute_batch("CREATE TABLE notes (text TEXT)")?;
//!
//! let new = Fence::claim(&path, Epoch(2), Duration::from_secs(1))?;
//! let error = stale.execute("INSERT INTO notes VALUES ('too late')", []).unwrap_err();
//! assert!(matches!(stale.explain(error), FenceError::Superseded { mine: Epoch(1), current: Epoch(2) }));
//! new.connect()?.execute("INSERT INTO notes VALUES ('in time')", [])?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Where it ends.** The fence is around connections made by [`Fence::connect`]. Whoever opens the file with another SQLite, restores a
//! backup over it, or edits it by hand is outside. The database is in WAL mode, so it has to be on a local file system
//! (<https://www.sqlite.org/wal.html>).
#![forbid(unsafe_code)]

mod connection;
mod holder;
mod power;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, ffi, params};
use thiserror::Error;

pub use connection::FencedConnection;
pub use power::{directory_of, sync_directory};

use oneworker_protocol::Epoch;
use oneworker_protocol::machine::Pid;
use oneworker_protocol::{EpochFloor, TenureError};

/// The frozen format: one row. Later versions only add columns.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS oneworker_fence (
        id     INTEGER PRIMARY KEY CHECK (id = 1),
        epoch  INTEGER NOT NULL,
        tenure BLOB NOT NULL
    ) STRICT;";
const TABLE: &str = "oneworker_fence";

/// Tells two tenures apart that were given the same epoch, as two state directories can do.
type TenureId = [u8; 16];

/// Why a fenced database can't be used, or did not take a commit.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FenceError {
    /// A later tenure has claimed the database: this one commits nothing any more, and is to stop at once.
    #[error("the database belongs to the tenure of epoch {current} now; this one has epoch {mine}")]
    Superseded {
        /// The epoch of this tenure.
        mine: Epoch,
        /// The epoch of the one that the database belongs to.
        current: Epoch,
    },
    /// The fence can't be read, so nothing is committed.
    #[error("the fence of the database is gone or can't be read, so nothing is committed")]
    Unreadable,
    /// Somebody kept the database locked for longer than was to be waited.
    #[error("{} is locked by {}", path.display(), holder.map_or_else(|| "another process".to_owned(), |pid| format!("pid {pid}")))]
    DatabaseBusy {
        /// The database.
        path: PathBuf,
        /// Who holds the write lock, if the system tells (Linux).
        holder: Option<Pid>,
    },
    /// The database can't be switched to WAL mode, which the fence rests on: its file system has no shared memory.
    #[error("{} can't be used in WAL mode (it stays {mode:?}): is it on a network file system?", path.display())]
    NotWal {
        /// The database.
        path: PathBuf,
        /// Its mode.
        mode: String,
    },
    /// The file is no database, or a damaged one. It was left as it is.
    #[error("{} is no SQLite database, or a damaged one: {source}", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The system gives no random bytes to tell this tenure apart.
    #[error("the system gives no random bytes: {0}")]
    Random(std::io::Error),
    /// Anything else that SQLite says.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl FenceError {
    /// A code that stays the same in every version, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Superseded { .. } => "superseded",
            Self::Unreadable => "fence_unreadable",
            Self::DatabaseBusy { .. } => "database_busy",
            Self::NotWal { .. } => "database_not_wal",
            Self::Corrupt { .. } => "database_corrupt",
            Self::Random(_) => "no_random",
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => "disk_full",
            Self::Sqlite(_) => "database_failed",
        }
    }

    /// What an error of SQLite means for this database.
    pub fn of(error: rusqlite::Error, path: &Path) -> Self {
        // What stands in the fence is no epoch.
        let damaged = matches!(error, rusqlite::Error::IntegralValueOutOfRange(..));
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::DatabaseBusy { path: path.to_owned(), holder: holder::of_write_lock(path) }
            }
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Corrupt { path: path.to_owned(), source: error }
            }
            _ if damaged => Self::Corrupt { path: path.to_owned(), source: error },
            _ => Self::Sqlite(error),
        }
    }

    /// The same of an error that may be SQLite's.
    fn at(self, path: &Path) -> Self {
        match self {
            Self::Sqlite(error) => Self::of(error, path),
            other => other,
        }
    }
}

/// A database that is claimed for a tenure.
#[derive(Clone, Debug)]
pub struct Fence {
    path: PathBuf,
    epoch: Epoch,
    tenure: TenureId,
    patience: Duration,
    refused: Arc<OnceLock<Epoch>>,
}

impl Fence {
    /// Claims the database for the tenure of this epoch, durably; makes the file if there is none. To be called in office.
    ///
    /// `patience` is how long this, and later each connection's write, waits for somebody else who has the database locked. A process that
    /// was stopped inside a transaction keeps it for ever.
    ///
    /// Blocks: not to be called on an event loop.
    ///
    /// # Errors
    /// [`FenceError::Superseded`] if the database belongs to this or a later epoch already: draw a higher one, see [`Fence::highest`];
    /// [`FenceError::DatabaseBusy`] and all else that SQLite has to say. The file is left as it was then.
    pub fn claim(path: &Path, epoch: Epoch, patience: Duration) -> Result<Self, FenceError> {
        let mut tenure = TenureId::default();
        let random = oneworker_system::machine().random;
        random.fill(&mut tenure).map_err(FenceError::Random)?;
        let fence = Self { path: path.to_owned(), epoch, tenure, patience, refused: Arc::default() };
        fence.raise().map_err(|error| error.at(path))?;
        Ok(fence)
    }

    fn raise(&self) -> Result<(), FenceError> {
        let mut db = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        db.busy_timeout(self.patience)?;
        self.prepare(&db)?;
        let claim = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        claim.execute_batch(SCHEMA)?;
        let current = read(&claim)?;
        if let Some((current, _)) = current.filter(|(current, _)| *current >= self.epoch) {
            return Err(FenceError::Superseded { mine: self.epoch, current });
        }
        claim.execute(
            "INSERT INTO oneworker_fence (id, epoch, tenure) VALUES (1, ?1, ?2)
             ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, tenure = excluded.tenure",
            params![self.epoch.0, self.tenure],
        )?;
        Ok(claim.commit()?)
    }

    /// WAL: the fence is read beside a commit, which in any other mode would keep readers out.
    fn prepare(&self, db: &Connection) -> Result<(), FenceError> {
        power::empty_caches(db)?;
        let mode: String = db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            return Err(FenceError::NotWal { path: self.path.clone(), mode });
        }
        // An epoch that was claimed must not be forgotten with the power.
        Ok(power::survive(db, &self.path)?)
    }

    /// The highest epoch that the database was claimed for; `None` if it never was, or does not exist. Changes nothing.
    ///
    /// # Errors
    /// If that can't be read.
    pub fn highest(path: &Path) -> Result<Option<Epoch>, FenceError> {
        if !path.try_exists().map_err(|error| unreachable_path(&error))? {
            return Ok(None);
        }
        let look = || {
            // Not read-only: a database in WAL mode that nobody has open may have to be recovered to be read.
            let db = Connection::open_with_flags(
                path,
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
            )?;
            db.busy_timeout(Duration::from_secs(1))?;
            power::empty_caches(&db)?;
            let fenced = db.table_exists(None, TABLE)?;
            if fenced { read(&db) } else { Ok(None) }
        };
        let found = look().map_err(|error| FenceError::of(error, path))?;
        Ok(found.map(|(epoch, _)| epoch))
    }

    /// A connection whose commits this fence guards, with `synchronous=FULL`. There may be any number of them.
    ///
    /// # Errors
    /// What SQLite says; [`FenceError::Superseded`] if the database was claimed by a later tenure meanwhile.
    pub fn connect(&self) -> Result<FencedConnection, FenceError> {
        FencedConnection::open(self).map_err(|error| error.at(&self.path))
    }

    /// A connection that can't write. It needs no guard.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn connect_to_read(&self) -> Result<Connection, FenceError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connect = || {
            let db = Connection::open_with_flags(&self.path, flags)?;
            db.busy_timeout(self.patience)?;
            Ok(db)
        };
        connect().map_err(|error| FenceError::of(error, &self.path))
    }

    /// The claimed database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The epoch that it is claimed for.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The epoch of the tenure that the database belongs to instead, once a commit of any of this fence's connections was refused.
    pub fn superseded_by(&self) -> Option<Epoch> {
        self.refused.get().copied()
    }
}

/// The row.
fn read(db: &Connection) -> rusqlite::Result<Option<(Epoch, TenureId)>> {
    let mut query = db.prepare_cached("SELECT epoch, tenure FROM oneworker_fence WHERE id = 1")?;
    let row = |row: &rusqlite::Row<'_>| Ok((Epoch(row.get(0)?), row.get(1)?));
    query.query_row([], row).optional()
}

fn unreachable_path(error: &std::io::Error) -> FenceError {
    let what = Some(error.to_string());
    FenceError::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), what))
}

/// For [`oneworker_protocol::Tenure::claim_above`]: the highest epoch of databases that the worker is about to claim.
#[derive(Clone, Debug)]
pub struct Databases(pub Vec<PathBuf>);

#[async_trait]
impl EpochFloor for Databases {
    async fn highest(&self) -> Result<Option<Epoch>, TenureError> {
        let paths = self.0.clone();
        let look =
            move || paths.iter().try_fold(None, |highest, path| Ok(highest.max(Fence::highest(path)?)));
        match tokio::task::spawn_blocking(look).await {
            Ok(found) => found.map_err(|error: FenceError| (&error).into()),
            // The event loop is being shut down: nothing depends on the answer.
            Err(_) => Ok(None),
        }
    }
}

impl From<&FenceError> for TenureError {
    fn from(error: &FenceError) -> Self {
        let pid = match error {
            FenceError::DatabaseBusy { holder, .. } => *holder,
            _ => None,
        };
        Self::Unusable { code: error.code(), message: error.to_string(), pid }
    }
}

#[cfg(test)]
mod tests;

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
