//! Reading, beside the writer and each other.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use coordinator::fence::Fence;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::error::StoreError;

/// So many read at a time; others wait.
const READERS: usize = 4;
/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one may take that looks at everything.
const LONG_PATIENCE: Duration = Duration::from_secs(3600);
/// Pages that a reader keeps in memory, in KiB.
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
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _turn = self.turns.acquire().await.map_err(|_| StoreError::Closed)?;
        self.ask(question, PATIENCE).await
    }

    /// For questions to the whole database. They have no turn to wait for, and take none.
    pub(super) async fn read_at_length<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(question, LONG_PATIENCE).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        patience: Duration,
    ) -> Result<T, StoreError> {
        let (fence, idle) = (self.fence.clone(), self.idle.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let known = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut db = match known {
                Some(db) => db,
                None => {
                    let db = fence.connect_to_read()?;
                    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
                    db
                }
            };
            let until = Instant::now() + patience;
            db.progress_handler(10_000, Some(move || Instant::now() > until))?;
            let answer = question(&db)?;
            let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < READERS {
                idle.push(db);
            }
            Ok(answer)
        });
        asked.await.map_err(|_| StoreError::Closed)?
    }
}
