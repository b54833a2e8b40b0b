//! The election: `named-lock`'s global mutex.
//!
//! A mutex belongs to the *thread* that waited for it (MSDN, "Mutex Objects"), though the crate's guard may be sent to another: dropped
//! there, its unlock fails, silently. And a thread that has it gets it again. So each election has a thread of its own, which takes the
//! mutex, keeps it until the guard is dropped, releases it and ends. A thread that dies with its process leaves the mutex abandoned, which
//! the next one to wait for it gets.

use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use named_lock::{Error, NamedLock};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::user;
use oneworker_protocol::layout;
use oneworker_protocol::machine::ElectionGuard;

struct Elected {
    rank: u8,
    // Nothing is ever sent: closing it is the message.
    hold: Option<mpsc::Sender<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl ElectionGuard for Elected {
    fn rank(&self) -> u8 {
        self.rank
    }
}

impl Drop for Elected {
    fn drop(&mut self) {
        drop(self.hold.take());
        // Whoever drops a guard may rely on the election being over. The thread has nothing left to do but to release the mutex.
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

pub(super) async fn try_elect(dir: &Path, rank: u8) -> io::Result<Option<Box<dyn ElectionGuard>>> {
    let name = mutex_name(dir, rank)?;
    let (answer, answered) = oneshot::channel();
    let (hold, until_dropped) = mpsc::channel::<()>();
    let keeper = thread::Builder::new().name("oneworker-election".to_owned()).spawn(move || {
        let guard = match NamedLock::create(&name).and_then(|lock| lock.try_lock()) {
            Ok(guard) => guard,
            Err(error) => {
                let _ = answer.send(Err(error));
                return;
            }
        };
        // If nobody waits for the answer any more, nobody holds `hold` either.
        let _ = answer.send(Ok(()));
        let _ = until_dropped.recv();
        drop(guard);
    })?;
    match answered.await {
        Ok(Ok(())) => Ok(Some(Box::new(Elected { rank, hold: Some(hold), keeper: Some(keeper) }))),
        Ok(Err(Error::WouldBlock)) => Ok(None),
        // There is such a mutex, but this process may not have it: an elevated session of this user made it, whose objects are the
        // administrators'. It lasts as long as that session's election, so it is as good as busy.
        Ok(Err(Error::CreateFailed(source))) if source.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Ok(Err(Error::CreateFailed(source))) => Err(source),
        Ok(Err(error)) => Err(io::Error::other(error)),
        Err(_) => Err(io::Error::other("the election's thread ended without an answer")),
    }
}

/// The mutex' name: user, directory and rank, as a hash since a name may not contain backslashes. The directory under the one spelling that
/// the system gives it, whatever links, case or short names led there. The format is frozen.
fn mutex_name(dir: &Path, rank: u8) -> io::Result<String> {
    let mut digest = Sha256::new();
    for part in [
        user::id().as_bytes(),
        dir.canonicalize()?.as_os_str().as_encoded_bytes(),
        layout::election_lock(rank).as_bytes(),
    ] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let digits: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("oneworker-{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_election_excludes_its_own_process_and_ends_with_its_guard_on_whatever_thread() {
        let dir = tempfile::tempdir().unwrap();
        let guard = try_elect(dir.path(), 0).await.unwrap().unwrap();
        assert!(try_elect(dir.path(), 0).await.unwrap().is_none());
        assert!(try_elect(dir.path(), 1).await.unwrap().is_some(), "another rank is another election");
        thread::spawn(move || drop(guard)).join().unwrap();
        assert!(try_elect(dir.path(), 0).await.unwrap().is_some());
    }
}
