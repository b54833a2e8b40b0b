//! A connection whose commits are guarded.

use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, ffi};

use super::{Fence, FenceError, TABLE, TenureId, read};
use oneworker_protocol::Epoch;
use oneworker_protocol::sabotage::{self, Sabotage};

/// A connection to a claimed database, and to those that were attached by [`FencedConnection::attach`].
///
/// It can be used like the [`Connection`] that it is, but for what would take the guard away: its hooks, and `ATTACH` by SQL, since of a database
/// without a fence of its own it can't be told whether it changes hands in this very instant.
pub struct FencedConnection {
    db: Connection,
    epoch: Epoch,
    guards: Arc<Mutex<Vec<Guard>>>,
    attaching: Arc<AtomicBool>,
    superseded: Arc<OnceLock<Epoch>>,
}

/// What a commit is held against.
struct Guard {
    /// Reads the fence as it is committed, and not as the committer's own transaction sees it.
    eye: Connection,
    tenure: TenureId,
    refused: Arc<OnceLock<Epoch>>,
}

/// What a guard says to a commit.
enum Ruling {
    Pass,
    Superseded(Epoch),
    Unreadable,
}

impl Guard {
    fn new(fence: &Fence) -> Result<Self, FenceError> {
        let eye = fence.connect_to_read()?;
        // It forgets what it has read whenever somebody commits. From three pages on SQLite gets memory for twenty at once, each time.
        eye.pragma_update(None, "cache_size", 2)?;
        let guard = Self { eye, tenure: fence.tenure, refused: fence.refused.clone() };
        match guard.rule() {
            Ruling::Pass => Ok(guard),
            Ruling::Superseded(current) => Err(FenceError::Superseded { mine: fence.epoch, current }),
            Ruling::Unreadable => Err(FenceError::Unreadable),
        }
    }

    fn rule(&self) -> Ruling {
        match read(&self.eye) {
            Ok(Some((_, tenure))) if tenure == self.tenure => Ruling::Pass,
            Ok(Some((current, _))) => Ruling::Superseded(*self.refused.get_or_init(|| current)),
            Ok(None) | Err(_) => Ruling::Unreadable,
        }
    }
}

impl FencedConnection {
    pub(super) fn open(fence: &Fence) -> Result<Self, FenceError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(&fence.path, flags)?;
        db.busy_timeout(fence.patience)?;
        fence.prepare(&db)?;
        let guard = Guard::new(fence)?;
        // Both are to see one and the same file: the path may lead to another one by now.
        match read(&db)? {
            Some((_, tenure)) if tenure == fence.tenure => {}
            Some((current, _)) => return Err(FenceError::Superseded { mine: fence.epoch, current }),
            None => return Err(FenceError::Unreadable),
        }
        let guards = Arc::new(Mutex::new(vec![guard]));
        let attaching = Arc::new(AtomicBool::new(false));
        let watched = guards.clone();
        db.commit_hook(Some(move || refuses(&watched)))?;
        let (watched, allowed) = (guards.clone(), attaching.clone());
        db.authorizer(Some(move |asked: AuthContext<'_>| authorize(&asked, &allowed, &watched)))?;
        Ok(Self { db, epoch: fence.epoch, guards, attaching, superseded: fence.refused.clone() })
    }

    /// Attaches another claimed database under a name. From then on each commit is held against its fence too.
    ///
    /// # Errors
    /// What SQLite says; [`FenceError::Superseded`] if a later tenure has claimed it.
    pub fn attach(&self, fence: &Fence, name: &str) -> Result<(), FenceError> {
        let guard = Guard::new(fence)?;
        self.attaching.store(true, Ordering::Relaxed);
        let attached = self.db.execute("ATTACH ?1 AS ?2", [path_text(&fence.path)?, name]);
        self.attaching.store(false, Ordering::Relaxed);
        attached?;
        lock(&self.guards).push(guard);
        Ok(())
    }

    /// A transaction that begins in this way.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn transaction(&mut self, behavior: TransactionBehavior) -> rusqlite::Result<Transaction<'_>> {
        self.db.transaction_with_behavior(behavior)
    }

    /// What an error of this connection means: whether it was the fence that refused the commit.
    pub fn explain(&self, error: rusqlite::Error) -> FenceError {
        if error.sqlite_error().map(|error| error.extended_code) == Some(ffi::SQLITE_CONSTRAINT_COMMITHOOK) {
            let current = lock(&self.guards).iter().find_map(|guard| guard.refused.get().copied());
            return current.map_or(FenceError::Unreadable, |current| FenceError::Superseded {
                mine: self.epoch,
                current,
            });
        }
        match self.db.path() {
            Some(path) => FenceError::of(error, Path::new(path)),
            None => FenceError::Sqlite(error),
        }
    }

    /// As [`Fence::superseded_by`].
    pub fn superseded_by(&self) -> Option<Epoch> {
        self.superseded.get().copied()
    }
}

impl Deref for FencedConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.db
    }
}

/// Whether a guard refuses a commit.
fn refuses(guards: &Mutex<Vec<Guard>>) -> bool {
    let refused = lock(guards).iter().any(|guard| !matches!(guard.rule(), Ruling::Pass));
    refused && !sabotage::on(Sabotage::FenceUnchecked)
}

/// The fence's own table is left alone, and nothing is attached that has no guard.
fn authorize(asked: &AuthContext<'_>, attaching: &AtomicBool, guards: &Mutex<Vec<Guard>>) -> Authorization {
    let vacuums = asked.database_name.is_some_and(|name| name.starts_with("vacuum_"));
    let forbidden = match asked.action {
        _ if vacuums => false,
        // `VACUUM` attaches a temporary file without a name, and copies all tables to it. It commits past the hook, so it is held against the
        // fence here; should the database change hands meanwhile, it still changes nothing that can be read.
        AuthAction::Attach { filename: "" } => refuses(guards),
        AuthAction::Attach { filename } => filename != ":memory:" && !attaching.load(Ordering::Relaxed),
        // With a parameter for its name, which is not told.
        AuthAction::Unknown { code, .. } => code == ffi::SQLITE_ATTACH && !attaching.load(Ordering::Relaxed),
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::AlterTable { table_name, .. } => table_name.eq_ignore_ascii_case(TABLE),
        _ => false,
    };
    if forbidden { Authorization::Deny } else { Authorization::Allow }
}

fn path_text(path: &Path) -> Result<&str, FenceError> {
    path.to_str().ok_or_else(|| FenceError::Sqlite(rusqlite::Error::InvalidPath(path.to_owned())))
}

fn lock(guards: &Mutex<Vec<Guard>>) -> MutexGuard<'_, Vec<Guard>> {
    guards.lock().unwrap_or_else(PoisonError::into_inner)
}
