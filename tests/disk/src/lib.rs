//! A simulated disk under SQLite, whose power fails.
//!
//! Whatever opens a database by a path on a [`Disk`] has it there, and knows nothing of it: an SQLite VFS of this crate becomes the
//! process's default, and hands all other paths on to the system's. Files are in memory. Of each one the disk knows what is durable and
//! what was done since its last sync, and so of the names.
//!
//! ```
//! # use oneworker_disk::Disk;
//! # use rusqlite::Connection;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let disk = Disk::new()?;
//! let db = Connection::open(disk.path("my.db"))?;
//! db.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE notes (text)")?;
//! disk.fail_at(disk.operations() + 2);
//! let acknowledged = db.execute("INSERT INTO notes VALUES ('kept')", []).is_ok();
//!
//! let disk = disk.after_power_failure(4711)?;
//! let db = Connection::open(disk.path("my.db"))?;
//! let found: i64 = db.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))?;
//! assert!(found == 1 || !acknowledged);
//! # Ok(())
//! # }
//! ```
//!
//! **What may be left** ([`Disk::after_power_failure`]): of the changes to a file since its last sync each is kept, lost, or torn into sectors
//! of 512 bytes, whichever came first; a file may have grown without its contents having come, and has anything there then. A name that was made,
//! changed or removed is durable once the *directory* was synced: SQLite does that with the first sync of a journal or WAL that it has made itself, and
//! not with a database. Memory that connections share is gone. As SQLite takes for granted, a write changes no byte beside it (`powersafe
//! overwrite`), and what was synced is there.
//!
//! **What is not modelled:** a disk that lies about a sync, full disks, bits that rot. What others than SQLite do to a database's file is seen
//! where it is to its name ([`std::fs::rename`], [`std::fs::remove_file`]), as changes that were not synced; syncing by oneself is not seen:
//! [`Disk::sync_file`] and [`Disk::sync_directory`] say so.

mod dice;
mod file;
mod io;
mod locks;
mod luck;
mod memory;
mod names;
mod state;
mod vfs;

use std::io::Result;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use dice::Dice;

use state::State;

/// A disk, and the machine's power. A clone is the same disk.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mounted>);

/// What a file that SQLite has open shares with its disk.
#[derive(Debug)]
pub(crate) struct Mounted {
    /// Where it seems to be.
    directory: tempfile::TempDir,
    state: Mutex<State>,
}

impl Mounted {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Disk {
    /// An empty disk.
    ///
    /// # Errors
    /// If there can be no temporary directory, or SQLite takes no other VFS.
    pub fn new() -> Result<Self> {
        // In memory where it can be: code under test may sync it.
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
        let state = Mutex::new(State::new(directory.path()));
        let mounted = Arc::new(Mounted { directory, state });
        vfs::mount(&mounted)?;
        Ok(Self(mounted))
    }

    /// An empty disk that leaves what is synced in a cache, and so loses it with the power, unless SQLite asks for more (`PRAGMA fullfsync`):
    /// that is what fsync(2) means on macOS.
    ///
    /// # Errors
    /// As of [`Disk::new`].
    pub fn with_cache() -> Result<Self> {
        let disk = Self::new()?;
        disk.0.state().cached = true;
        Ok(disk)
    }

    /// The path of a file of this disk. It has no subdirectories.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.directory().join(name)
    }

    /// How many operations there were. One is: a write, a truncation, a sync, a file made or removed.
    pub fn operations(&self) -> usize {
        self.0.state().log.len()
    }

    /// What they were.
    pub fn log(&self) -> Vec<String> {
        self.0.state().log.clone()
    }

    /// Lets the power fail in the operation of this number; the first is 1. From then on everything fails.
    pub fn fail_at(&self, operation: usize) {
        self.0.state().fails_at = Some(operation);
    }

    /// Lets the power fail now.
    pub fn cut_power(&self) {
        self.0.state().cut();
    }

    /// Whether the power has failed.
    pub fn is_dead(&self) -> bool {
        self.0.state().is_dead()
    }

    /// Makes the names durable as they are: for a program that has synced the directory without SQLite.
    pub fn sync_directory(&self) {
        // Without power there is nothing to sync.
        let _ = self.0.state().sync_names();
    }

    /// Makes a file durable as it is: for a program that has synced it without SQLite.
    pub fn sync_file(&self, name: &str) {
        let mut state = self.0.state();
        if let Ok(Some((file, false))) = state.open(name, false) {
            let _ = state.sync_file(name, file, true);
        }
    }

    /// A disk as this one may be found when the power is back; another seed is another possibility. If the power has not failed, it does now.
    ///
    /// # Errors
    /// As of [`Disk::new`].
    pub fn after_power_failure(&self, seed: u64) -> Result<Self> {
        self.cut_power();
        let next = Self::new()?;
        self.0.state().leave_to(&mut next.0.state(), &mut Dice::new(seed))?;
        Ok(next)
    }
}
