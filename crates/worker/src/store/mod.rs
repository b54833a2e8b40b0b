//! The worker's data, in one fenced SQLite database.
//!
//! ```text
//! routes ──▶ Store ──▶ writer: one thread, one fenced connection, what waits is written in one transaction
//!              └─────▶ readers: a few connections that can't write
//! ```
//!
//! An answer to a write comes after its commit. What waits for the writer has a bound in bytes ([`Store::reserve`]), and whoever would exceed it
//! is told to come again.

mod copies;
mod error;
mod leases;
mod observations;
mod readers;
mod schema;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::api::{Filter, NewObservation, Observation, Receipt};
use coordinator::fence::Fence;
use coordinator::machine::Clock;
use coordinator::{Epoch, Superseded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use copies::{backup, restore};
pub use error::StoreError;
pub(crate) use leases::{Lease, NewLease};
pub(crate) use observations::{Page, Retention};
pub use schema::schema_versions;

use readers::Readers;
use writer::Writer;

/// How long a write of ours waits for somebody else who has the database locked.
const PATIENCE: Duration = Duration::from_secs(2);
/// Pages that the writer keeps in memory, in KiB.
const CACHE_KIB: i64 = 8192;
/// Bytes of all writes that have been accepted and not been committed.
const WAITING_BYTES: usize = 8 * 1024 * 1024;

/// Where the data is, and for how long it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) retention: Retention,
    /// Whether a commit survives a power failure, for three times its price: `synchronous=FULL`.
    pub(crate) synced: bool,
}

/// The open database.
pub(crate) struct Store {
    writer: Writer,
    readers: Readers,
    room: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    retention: Retention,
}

impl Store {
    /// Claims the database for this tenure, brings its schema up to date, and starts the writer. `superseded` is called, once, when the fence
    /// refuses a commit.
    pub(crate) async fn open(
        place: Place,
        epoch: Epoch,
        clock: Arc<dyn Clock>,
        superseded: impl FnOnce(Superseded) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let Place { path, retention, synced } = place;
        let opened = tokio::task::spawn_blocking(move || {
            check_surroundings(&path)?;
            let fence = Fence::claim(&path, epoch, PATIENCE)?;
            let mut db = fence.connect()?;
            schema::bring_up_to_date(&mut db)?;
            db.pragma_update(None, "cache_size", -CACHE_KIB)?;
            // What undoes a statement: else it gets 64 KiB in each transaction and goes to a file then, and some allocators ask the system for so much each
            // time (https://sqlite.org/tempfiles.html#statement_journal_files). No statement here changes much.
            db.pragma_update(None, "temp_store", "memory")?;
            if !synced {
                db.pragma_update(None, "synchronous", "normal")?;
            }
            Ok::<_, StoreError>((fence, db))
        });
        let (fence, db) = opened.await.map_err(|_| StoreError::Closed)??;
        let writer = Writer::start(db, superseded)?;
        let room = Arc::new(Semaphore::new(WAITING_BYTES));
        Ok(Self { writer, readers: Readers::new(fence), room, clock, retention })
    }

    /// Room for a write of so many bytes, from before it is read until it is committed.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        let bytes = u32::try_from(bytes.clamp(1, WAITING_BYTES)).unwrap_or(u32::MAX);
        self.room.clone().try_acquire_many_owned(bytes).map_err(|_| StoreError::Full)
    }

    /// Takes observations in, all or none, and says which were new.
    pub(crate) async fn add(&self, observations: Vec<NewObservation>) -> Result<Vec<Receipt>, StoreError> {
        let at = self.now();
        self.writer.write(move |db| observations::add(db, &observations, at)).await
    }

    /// Removes what the filter finds; how many.
    pub(crate) async fn remove(&self, filter: Filter) -> Result<usize, StoreError> {
        self.writer.write(move |db| observations::remove(db, &filter)).await
    }

    pub(crate) async fn list(&self, filter: Filter, page: Page) -> Result<Vec<Observation>, StoreError> {
        self.readers.read(move |db| observations::list(db, &filter, page)).await
    }

    pub(crate) async fn search(
        &self,
        words: String,
        filter: Filter,
        limit: u32,
    ) -> Result<Vec<Observation>, StoreError> {
        self.readers.read(move |db| observations::search(db, &words, &filter, limit)).await
    }

    /// Whether the database is whole: what `PRAGMA integrity_check` finds wrong.
    pub(crate) async fn check(&self) -> Result<Vec<String>, StoreError> {
        self.readers.read_at_length(schema::check).await
    }

    pub(crate) async fn put_lease(&self, lease: NewLease) -> Result<(), StoreError> {
        let at = self.now();
        self.writer.write(move |db| leases::put(db, &lease, at)).await
    }

    pub(crate) async fn end_lease(&self, id: String) -> Result<bool, StoreError> {
        self.writer.write(move |db| leases::end(db, &id)).await
    }

    pub(crate) async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        self.readers.read(leases::all).await
    }

    /// Drops a portion of what is too old or too much; how many.
    pub(crate) async fn tend(&self) -> Result<usize, StoreError> {
        if self.retention == Retention::default() {
            return Ok(0);
        }
        let (retention, now) = (self.retention, self.now());
        self.writer.write(move |db| observations::retain(db, retention, now)).await
    }

    /// Has SQLite learn about tables that have changed much, so that it goes on choosing good indices.
    pub(crate) async fn optimize(&self) -> Result<(), StoreError> {
        self.writer.write(|db| db.execute_batch(writer::OPTIMIZE)).await
    }

    /// Writes what waits, and closes the database.
    pub(crate) async fn close(&self) {
        self.writer.close().await;
    }

    fn now(&self) -> i64 {
        let since = self.clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Half of the descriptors that the writer and the readers take, since a pipe has two.
const DESCRIPTORS: usize = 12;

/// What SQLite would not tell: that there are not enough descriptors, or that the file is somebody else's.
fn check_surroundings(path: &Path) -> Result<(), StoreError> {
    let room = (0..DESCRIPTORS).map(|_| std::io::pipe()).collect::<std::io::Result<Vec<_>>>();
    room.map_err(StoreError::NoDescriptors)?;
    #[cfg(unix)]
    if let Ok(found) = std::fs::metadata(path) {
        use std::os::unix::fs::MetadataExt;
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(StoreError::NotOurs { path: path.to_owned() });
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod power;
#[cfg(test)]
mod tests;
