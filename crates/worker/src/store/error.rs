//! Why the store failed.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use coordinator::TenureError;
use coordinator::fence::FenceError;
use thiserror::Error;

/// Why the worker's data could not be opened, written or found.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The fence or SQLite failed.
    #[error(transparent)]
    Fence(Arc<FenceError>),
    /// A newer version wrote the database.
    #[error(
        "{} was written by a newer version (its schema is {found}, this version knows up to {known}): it is left as it is; use the newer version, or name another database",
        path.display()
    )]
    TooNew {
        /// The database.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The highest version that this program knows.
        known: i64,
    },
    /// A backup can't be read or written.
    #[error("{0}")]
    Copy(io::Error),
    /// The database belongs to another user.
    #[error("{} belongs to another user: it is left as it is; name another database", path.display())]
    NotOurs {
        /// The database.
        path: PathBuf,
    },
    /// Too many open files.
    #[error("the database can't be opened: {0}")]
    NoDescriptors(io::Error),
    /// Too many bytes wait to be written.
    #[error("too much waits to be written")]
    Full,
    /// It took too long.
    #[error("this took too long, and was given up")]
    TooSlow,
    /// The worker is stopping.
    #[error("the store is closed")]
    Closed,
    /// The system can't start a thread.
    #[error("the writer's thread can't be started: {0}")]
    NoThread(io::Error),
}

impl From<FenceError> for StoreError {
    fn from(error: FenceError) -> Self {
        Self::Fence(error.into())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OperationInterrupted) => Self::TooSlow,
            _ => FenceError::Sqlite(error).into(),
        }
    }
}

impl StoreError {
    /// Returns a code that stays the same in every version.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fence(error) => error.code(),
            Self::TooNew { .. } => "database_too_new",
            Self::NotOurs { .. } => "database_not_ours",
            Self::NoDescriptors(_) => "no_descriptors",
            Self::Copy(_) => "io",
            Self::Full => "busy",
            Self::TooSlow => "request_timeout",
            Self::Closed => "not_ready",
            Self::NoThread(_) => "no_thread",
        }
    }
}

impl From<StoreError> for TenureError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fence(error) => (&*error).into(),
            other => Self::Unusable { code: other.code(), message: other.to_string(), pid: None },
        }
    }
}
