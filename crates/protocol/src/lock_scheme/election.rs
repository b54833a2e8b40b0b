//! The election: a named lock (`flock`) on `spawn.lock`.
//!
//! The lock is taken through the path, so it may be taken on a file that nobody finds any more: if `spawn.lock` was replaced meanwhile, two
//! sessions would each hold "the" lock. So the file is opened before, and after locking it must be at the path still, and be busy. And
//! what is no regular file is refused: a FIFO would be waited on for ever.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{LockCalls, Opening};
use crate::layout;
use crate::machine::ElectionGuard;
use crate::sabotage::{self, Sabotage};

struct Elected<K: LockCalls> {
    rank: u8,
    _named: K::Named,
}

impl<K: LockCalls> ElectionGuard for Elected<K> {
    fn rank(&self) -> u8 {
        self.rank
    }
}

pub(super) async fn try_elect<K: LockCalls>(
    calls: &Arc<K>,
    path: &Path,
    rank: u8,
) -> io::Result<Option<Box<dyn ElectionGuard>>> {
    let name = layout::election_lock(rank);
    let dir = calls.open_directory(path).await?;
    let Some(file) = calls.open_in(&dir, &name, Opening::OrCreate).await? else { return Ok(None) };
    let Some(named) = calls.try_named_lock(&path.join(&name)).await? else { return Ok(None) };
    if !sabotage::on(Sabotage::ElectionPathUnchecked)
        && (!is_at(&**calls, path, &dir, &name, &file).await? || !is_busy(&**calls, &file).await?)
    {
        // This guard guards nothing.
        return Ok(None);
    }
    Ok(Some(Box::new(Elected::<K> { rank, _named: named })))
}

/// Whether the file is the one at the path, in the directory that is at the path.
async fn is_at<K: LockCalls>(
    calls: &K,
    path: &Path,
    dir: &K::Directory,
    name: &str,
    file: &K::File,
) -> io::Result<bool> {
    let Some(there) = calls.stat_in(dir, name).await? else { return Ok(false) };
    if !there.same_file(calls.stat_file(file).await?) {
        return Ok(false);
    }
    let Some(there) = calls.stat_path(path).await? else { return Ok(false) };
    Ok(there.same_file(calls.stat_directory(dir).await?))
}

/// Whether the file is locked through another handle than this one.
async fn is_busy<K: LockCalls>(calls: &K, file: &K::File) -> io::Result<bool> {
    if !calls.try_flock_file(file).await? {
        return Ok(true);
    }
    // Explicitly: a child forked just now has a copy of the descriptor, which would keep the lock.
    calls.unlock_file(file);
    Ok(false)
}
