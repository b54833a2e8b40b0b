//! The open database.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use coordinator::fence::Fence;
use coordinator::machine::Clock;
use coordinator::{Epoch, Superseded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::StoreError;
use super::leases::{self, Lease, NewLease};
use super::observations::{self, Page, Retention};
use super::readers::Readers;
use super::schema;
use super::writer::{self, Writer};
use crate::api::{Filter, NewObservation, Observation, Receipt};

/// How long a write waits for another program that has the database locked.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// The writer's page cache, in KiB.
const CACHE_KIB: i64 = 8192;
/// Bytes of all writes that are accepted but not committed.
const WAITING_BYTES: usize = 8 * 1024 * 1024;

/// Where the data is, and for how long it is kept.
#[derive(Clone, Debug)]
pub(crate) struct StoreConfig {
    pub(crate) path: PathBuf,
    pub(crate) retention: Retention,
    /// Whether a commit survives a power failure, for three times the cost: `synchronous=FULL`.
    pub(crate) synced: bool,
}

/// The open database.
pub(crate) struct Store {
    pub(super) writer: Writer,
    readers: Readers,
    room: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    retention: Retention,
}

impl Store {
    /// Claims the database for this tenure, brings its schema up to date, and starts the writer.
    /// `superseded` is called once, when the fence refuses a commit.
    pub(crate) async fn open(
        config: StoreConfig,
        epoch: Epoch,
        clock: Arc<dyn Clock>,
        superseded: impl FnOnce(Superseded) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let StoreConfig { path, retention, synced } = config;
        let opened = tokio::task::spawn_blocking(move || {
            check_surroundings(&path)?;
            let fence = Fence::claim(&path, epoch, LOCK_TIMEOUT)?;
            let mut db = fence.connect()?;
            schema::bring_up_to_date(&mut db)?;
            db.pragma_update(None, "cache_size", -CACHE_KIB)?;
            // The statement journal: by default it gets 64 KiB in each transaction and then a file,
            // and some allocators request that from the system each time
            // (https://sqlite.org/tempfiles.html#statement_journal_files). No statement here
            // changes much.
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

    /// Reserves room for a write of this many bytes, from before it is read until it is committed.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        let bytes = u32::try_from(bytes.clamp(1, WAITING_BYTES)).unwrap_or(u32::MAX);
        self.room.clone().try_acquire_many_owned(bytes).map_err(|_| StoreError::Full)
    }

    /// Adds observations, all or none. Returns which were new.
    pub(crate) async fn add(&self, observations: Vec<NewObservation>) -> Result<Vec<Receipt>, StoreError> {
        let at = self.now();
        self.writer.write(move |db| observations::add(db, &observations, at)).await
    }

    /// Removes what matches the filter. Returns how many.
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

    /// Returns what `PRAGMA integrity_check` finds wrong.
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

    /// Drops a portion of what is too old or too much. Returns how many.
    pub(crate) async fn tend(&self) -> Result<usize, StoreError> {
        if self.retention == Retention::default() {
            return Ok(0);
        }
        let (retention, now) = (self.retention, self.now());
        self.writer.write(move |db| observations::retain(db, retention, now)).await
    }

    /// Lets SQLite analyse tables that have changed much, so that it keeps choosing good indices.
    pub(crate) async fn optimize(&self) -> Result<(), StoreError> {
        self.writer.write(|db| db.execute_batch(writer::OPTIMIZE)).await
    }

    /// Commits the waiting writes, and closes the database.
    pub(crate) async fn close(&self) {
        self.writer.close().await;
    }

    fn now(&self) -> i64 {
        let since = self.clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Half of the descriptors that the writer and the readers need: a pipe has two.
const PIPES: usize = 12;

/// Checks what SQLite would not report: missing descriptors, or a file of another user.
fn check_surroundings(path: &Path) -> Result<(), StoreError> {
    let room = (0..PIPES).map(|_| std::io::pipe()).collect::<std::io::Result<Vec<_>>>();
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
mod tests;
