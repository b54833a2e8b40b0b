//! The one writer.
//!
//! A commit that survives a power failure costs a wait for the disk, whatever is in it. So what came while the last one was under way goes
//! into the next one together: the more clients there are, the less each commit costs them.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use coordinator::fence::FencedConnection;
use coordinator::sabotage::{self, Sabotage};
use coordinator::{Superseded, failpoint};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;

/// So many writes go into one transaction at most.
const GROUP: usize = 512;
/// So many may wait.
const QUEUE: usize = 1024;

/// A write that waits.
trait Job: Send {
    /// Does it, within a transaction that may still fail. Then it is done again in another one.
    fn work(&mut self, db: &Connection) -> rusqlite::Result<()>;
    /// Tells the client how the commit went.
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
        // Who has gone does not want to know.
        let _ = client.send(committed.and_then(|()| done.ok_or(StoreError::Closed)));
    }
}

pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// `superseded` is called, once, when the fence refuses a commit.
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

    /// Has `work` done in the next transaction. The result comes after its commit.
    ///
    /// Once it waits it is done, whether or not somebody still waits for the result.
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

    /// Lets what waits be written, and waits for the end of the thread.
    pub(super) async fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// The tables that have changed much are analysed, up to a limit, also those that this connection has not asked: the readers do that, and can't write
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
    // Best effort: what SQLite learns about its tables, and a small log for whoever opens the file next.
    let _ = db.execute_batch(OPTIMIZE).and_then(|()| db.execute_batch("PRAGMA wal_checkpoint (TRUNCATE)"));
}

/// Writes a group in one transaction. What fails by itself is left out; if the transaction fails, all of them fail.
fn write(db: &mut FencedConnection, mut group: Vec<Box<dyn Job>>, hasty: bool) {
    let committed = loop {
        match attempt(db, &mut group, hasty) {
            // Without this one. No savepoints instead, which make FTS5 write all that it has in memory.
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

/// The error says which of the group failed, unless the transaction did.
fn attempt(
    db: &mut FencedConnection,
    group: &mut Vec<Box<dyn Job>>,
    hasty: bool,
) -> Result<(), (rusqlite::Error, Option<usize>)> {
    let of_all = |error| (error, None);
    let transaction = db.transaction(TransactionBehavior::Immediate).map_err(of_all)?;
    for (n, job) in group.iter_mut().enumerate() {
        if let Err(error) = job.work(&transaction) {
            // Some failures end the whole transaction: a full disk, say.
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
