//! Record locks of one process, and the trap of theirs: closing *any* descriptor of a file drops the process's lock on it (fcntl(2)). So a
//! file that this process has locked is never opened again; the registry answers for it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::{LockCalls, Opening, RecordHolder};
use crate::layout::WORKER_LOCK;
use crate::machine::{FileStamp, Pid};

type FileId = (u64, u64);

fn id(stamp: FileStamp) -> FileId {
    (stamp.device, stamp.inode)
}

/// The lock files that one process has locked.
pub(super) struct Registry<K: LockCalls> {
    calls: Arc<K>,
    /// Held from the question whether a file is locked here until it has been locked, or closed again.
    section: tokio::sync::Mutex<()>,
    /// The files that are locked, each with further handles of it that must not be closed before the lock is to go.
    held: std::sync::Mutex<HashMap<FileId, Vec<K::File>>>,
}

/// What came of a try to lock `worker.lock`.
pub(super) enum Attempt<K: LockCalls> {
    Locked(RecordLock<K>),
    Held { by: Option<Pid> },
}

/// What a look at `worker.lock` shows.
pub(super) enum Seen {
    Free,
    Held { by: Option<Pid> },
}

/// The lock file, if it may be used.
enum Opened<F> {
    Missing,
    /// This process has locked it.
    Mine,
    File(F, FileStamp),
}

impl<K: LockCalls> Registry<K> {
    pub(super) fn new(calls: K) -> Self {
        Self {
            calls: Arc::new(calls),
            section: tokio::sync::Mutex::default(),
            held: std::sync::Mutex::default(),
        }
    }

    pub(super) fn calls(&self) -> &Arc<K> {
        &self.calls
    }

    fn held(&self) -> MutexGuard<'_, HashMap<FileId, Vec<K::File>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes `worker.lock` if it is missing, and tries to lock it.
    pub(super) async fn attempt(self: &Arc<Self>, dir: &K::Directory) -> io::Result<Attempt<K>> {
        let _section = self.section.lock().await;
        match self.open(dir, Opening::OrCreate).await? {
            Opened::Mine => Ok(Attempt::Held { by: Some(self.calls.me()) }),
            Opened::Missing => Err(io::ErrorKind::NotFound.into()),
            Opened::File(file, stamp) => {
                if self.calls.try_record_lock(&file).await? {
                    self.held().insert(id(stamp), Vec::new());
                    return Ok(Attempt::Locked(RecordLock {
                        registry: Arc::clone(self),
                        file: Some(file),
                        stamp,
                    }));
                }
                let holder = self.calls.record_lock_holder(&file).await?;
                Ok(Attempt::Held { by: holder.and_then(|holder| holder.pid) })
            }
        }
    }

    /// Looks at the lock of `worker.lock`, and makes nothing.
    pub(super) async fn look(&self, dir: &K::Directory) -> io::Result<Seen> {
        let _section = self.section.lock().await;
        match self.open(dir, Opening::Existing).await? {
            Opened::Mine => Ok(Seen::Held { by: Some(self.calls.me()) }),
            Opened::Missing => Ok(Seen::Free),
            Opened::File(file, _) => Ok(match self.calls.record_lock_holder(&file).await? {
                Some(RecordHolder { pid }) => Seen::Held { by: pid },
                None => Seen::Free,
            }),
        }
    }

    /// Opens `worker.lock`, unless this process has locked it. Only within the section.
    async fn open(&self, dir: &K::Directory, opening: Opening) -> io::Result<Opened<K::File>> {
        match self.calls.stat_in(dir, WORKER_LOCK).await? {
            Some(stamp) if self.held().contains_key(&id(stamp)) => return Ok(Opened::Mine),
            None if opening == Opening::Existing => return Ok(Opened::Missing),
            _ => {}
        }
        let Some(file) = self.calls.open_in(dir, WORKER_LOCK, opening).await? else {
            return Ok(Opened::Missing);
        };
        let stamp = self.calls.stat_file(&file).await?;
        // Somebody has put a locked file back since the first stat: to close this handle of it would drop the lock.
        if let Some(handles) = self.held().get_mut(&id(stamp)) {
            handles.push(file);
            return Ok(Opened::Mine);
        }
        Ok(Opened::File(file, stamp))
    }
}

/// A record lock of this process.
pub(super) struct RecordLock<K: LockCalls> {
    registry: Arc<Registry<K>>,
    /// `None` only while it is dropped.
    file: Option<K::File>,
    stamp: FileStamp,
}

impl<K: LockCalls> RecordLock<K> {
    /// Whether the stamp is of the locked file.
    pub(super) fn is_of(&self, stamp: FileStamp) -> bool {
        self.stamp.same_file(stamp)
    }

    /// Locks again what is locked already, which does nothing; it mends the lock if some code of this process opened and closed the file.
    /// False if somebody else has it.
    pub(super) async fn renew(&self) -> io::Result<bool> {
        match &self.file {
            Some(file) => self.registry.calls.try_record_lock(file).await,
            None => Ok(false),
        }
    }
}

impl<K: LockCalls> Drop for RecordLock<K> {
    fn drop(&mut self) {
        let mut held = self.registry.held();
        if let Some(file) = self.file.take() {
            // The close would do it too; but never leave it to a copy.
            self.registry.calls.unlock_record(&file);
        }
        // Closed by now, and taken off the list only then: another thread that found the file free to open would lose its lock by our close.
        held.remove(&id(self.stamp));
    }
}
