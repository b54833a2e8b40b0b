//! Reads from the database, in parallel to the writer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use coordinator::fence::Fence;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::error::StoreError;

/// How many read at a time. Others wait.
const READERS: usize = 4;
/// How long a query may take.
const QUERY_TIME: Duration = Duration::from_secs(5);
/// How long a query of the whole database may take.
const LONG_QUERY_TIME: Duration = Duration::from_secs(3600);
/// The page cache of a reader, in KiB.
const CACHE_KIB: i64 = 2048;

pub(super) struct Readers {
    fence: std::sync::Arc<Fence>,
    idle: std::sync::Arc<Mutex<Vec<Connection>>>,
    turns: Semaphore,
}

impl Readers {
    pub(super) fn new(fence: Fence) -> Self {
        Self { fence: fence.into(), idle: Default::default(), turns: Semaphore::new(READERS) }
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _turn = self.turns.acquire().await.map_err(|_| StoreError::Closed)?;
        self.run(query, QUERY_TIME).await
    }

    /// Runs a query of the whole database. It does not count towards the limit of readers.
    pub(super) async fn read_at_length<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(query, LONG_QUERY_TIME).await
    }

    async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        limit: Duration,
    ) -> Result<T, StoreError> {
        let (fence, idle) = (self.fence.clone(), self.idle.clone());
        let done = tokio::task::spawn_blocking(move || {
            let known = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut db = match known {
                Some(db) => db,
                None => {
                    let db = fence.connect_to_read()?;
                    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
                    db
                }
            };
            let until = Instant::now() + limit;
            db.progress_handler(10_000, Some(move || Instant::now() > until))?;
            let result = query(&db)?;
            let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < READERS {
                idle.push(db);
            }
            Ok(result)
        });
        done.await.map_err(|_| StoreError::Closed)?
    }
}
