//! The one writer.
//!
//! A commit that survives a power failure waits for the disk, whatever its size. So all writes that
//! arrive during one commit share the next one: the more clients there are, the less each write
//! costs.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use coordinator::fence::FencedConnection;
use coordinator::sabotage::{self, Sabotage};
use coordinator::{Superseded, failpoint};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;

/// How many writes share one transaction at most.
const GROUP: usize = 512;
/// How many writes may wait.
const QUEUE: usize = 1024;

/// A waiting write.
trait Job: Send {
    /// Does the work in a transaction. If that fails, the work is done again in another one.
    fn work(&mut self, db: &Connection) -> rusqlite::Result<()>;
    /// Tells the client the result of the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Write<F, T> {
    work: F,
    done: Option<T>,
    client: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Write<F, T>
where
    F: Fn(&Connection) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn work(&mut self, db: &Connection) -> rusqlite::Result<()> {
        self.done = Some((self.work)(db)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { done, client, .. } = *self;
        // A client that has gone needs no answer.
        let _ = client.send(committed.and_then(|()| done.ok_or(StoreError::Closed)));
    }
}

pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread. `superseded` is called once, when the fence refuses a commit.
    pub(super) fn start(
        db: FencedConnection,
        superseded: impl FnOnce(Superseded) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (jobs, waiting) = mpsc::channel(QUEUE);
        let hasty = sabotage::on(Sabotage::AnsweredBeforeCommit);
        let thread = std::thread::Builder::new()
            .name("worker-store".to_owned())
            .stack_size(512 * 1024)
            .spawn(move || run(db, waiting, superseded, hasty))
            .map_err(StoreError::NoThread)?;
        Ok(Self { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    /// Does `work` in the next transaction. Returns after its commit.
    ///
    /// Queued work is done even if the caller no longer waits for the result.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (client, answered) = oneshot::channel();
        let job = Box::new(Write { work, done: None, client });
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        jobs.ok_or(StoreError::Closed)?.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Full,
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Commits the waiting writes, and waits for the end of the thread.
    pub(super) async fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// Analyses tables that have changed much, up to a limit. It includes tables that this connection
/// has not read: the readers read them, but can't write
/// (https://sqlite.org/pragma.html#pragma_optimize).
pub(super) const OPTIMIZE: &str = "PRAGMA optimize = 0x10002";

fn run(
    mut db: FencedConnection,
    mut waiting: mpsc::Receiver<Box<dyn Job>>,
    superseded: impl FnOnce(Superseded),
    hasty: bool,
) {
    let mut superseded = Some(superseded);
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = waiting.try_recv()
        {
            group.push(next);
        }
        write(&mut db, group, hasty);
        if let Some(current) = db.superseded_by()
            && let Some(superseded) = superseded.take()
        {
            superseded(Superseded { why: format!("the database belongs to epoch {current} now") });
        }
    }
    // Best effort: statistics of the tables, and a small log for the next program that opens the
    // file.
    let _ = db.execute_batch(OPTIMIZE).and_then(|()| db.execute_batch("PRAGMA wal_checkpoint (TRUNCATE)"));
}

/// Writes a group in one transaction. A write that fails by itself is left out. If the transaction
/// fails, all writes fail.
fn write(db: &mut FencedConnection, mut group: Vec<Box<dyn Job>>, hasty: bool) {
    let committed = loop {
        match attempt(db, &mut group, hasty) {
            // Repeated without this one. Savepoints would make FTS5 write all that it has in
            // memory.
            Err((error, Some(failed))) => group.remove(failed).answer(Err(error.into())),
            Err((error, None)) => break Err(error),
            Ok(()) => break Ok(()),
        }
    };
    match committed {
        Ok(()) => group.into_iter().for_each(|job| job.answer(Ok(()))),
        Err(error) => {
            let why = Arc::new(db.explain(error));
            group.into_iter().for_each(|job| job.answer(Err(StoreError::Fence(Arc::clone(&why)))));
        }
    }
}

/// The error says which write of the group failed. `None`: the transaction failed.
fn attempt(
    db: &mut FencedConnection,
    group: &mut Vec<Box<dyn Job>>,
    hasty: bool,
) -> Result<(), (rusqlite::Error, Option<usize>)> {
    let of_all = |error| (error, None);
    let transaction = db.transaction(TransactionBehavior::Immediate).map_err(of_all)?;
    for (n, job) in group.iter_mut().enumerate() {
        if let Err(error) = job.work(&transaction) {
            // Some failures end the whole transaction, for example a full disk.
            let alone = !transaction.is_autocommit();
            return Err((error, alone.then_some(n)));
        }
    }
    failpoint::hit("store.writing");
    if hasty {
        group.drain(..).for_each(|job| job.answer(Ok(())));
    }
    transaction.commit().map_err(of_all)
}
