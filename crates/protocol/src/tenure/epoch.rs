//! Drawing the next epoch, durably: greater than every one that was ever given out, also after a power failure, also if one of the
//! two places that remember it was lost.

use std::io;

use async_trait::async_trait;

use super::TenureError;
use crate::identity::Epoch;
use crate::layout;
use crate::machine::{Durability, TenureGuard};
use crate::record::{self, Record};

/// Epochs that are known elsewhere than in the state directory: in the databases that a worker is about to claim.
#[async_trait]
pub trait EpochFloor: Send + Sync {
    /// The highest of them; `None` if there is none.
    ///
    /// # Errors
    /// If it can't be told: then no tenure is begun.
    async fn highest(&self) -> Result<Option<Epoch>, TenureError>;
}

/// Nothing is known elsewhere.
pub(super) struct NoFloor;

#[async_trait]
impl EpochFloor for NoFloor {
    async fn highest(&self) -> Result<Option<Epoch>, TenureError> {
        Ok(None)
    }
}

/// Draws the next epoch. `previous` is the record that the predecessor left, `floor` the highest that is known from elsewhere.
///
/// Only in office: the guard shows it, so no two processes draw at the same time.
///
/// What stands in the directory's files beyond [`Epoch::LAST`] is not believed: whatever wrote it, once it is drawn every database would remember it.
pub(super) async fn draw(
    office: &dyn TenureGuard,
    previous: Option<&Record>,
    floor: Option<Epoch>,
) -> io::Result<Epoch> {
    let possible = |epoch: &Epoch| *epoch <= Epoch::LAST;
    let stored = match office.directory().read(layout::EPOCH, 64).await {
        Ok(bytes) => bytes.as_deref().and_then(parse),
        // Something that is no file is in its place: the rename below says so if it can't be replaced.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
        Err(error) => return Err(error),
    };
    let recorded = previous.and_then(|record| record.epoch);
    let known = stored.filter(possible).max(recorded.filter(possible)).max(floor).unwrap_or_default();
    let epoch = known.next().ok_or_else(|| exhausted(known))?;
    let text = format!("{epoch}\n");
    office.directory().replace(layout::EPOCH, text.as_bytes(), Durability::Synced).await?;
    Ok(epoch)
}

fn exhausted(known: Epoch) -> io::Error {
    io::Error::other(format!(
        "no epoch is left after {known}, which stands in `epoch`, in `worker.json` or in a fenced database. No count of tenures gets there: \
         delete the two files, and put a backup in the database's place if it is there too"
    ))
}

fn parse(bytes: &[u8]) -> Option<Epoch> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok().map(Epoch)
}

/// The record that the predecessor left, if it can be read.
pub(super) async fn previous_record(office: &dyn TenureGuard) -> Option<Record> {
    let bytes = office.directory().read(layout::RECORD, record::READ_LIMIT).await.ok()??;
    record::parse(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Directory, FileStamp, OfficeCheck};

    /// A directory whose epoch can't be read, in this way.
    struct Failing(io::ErrorKind);

    #[async_trait]
    impl Directory for Failing {
        async fn read(&self, _name: &str, _limit: usize) -> io::Result<Option<Vec<u8>>> {
            Err(self.0.into())
        }

        async fn stat(&self, _name: &str) -> io::Result<Option<FileStamp>> {
            Ok(None)
        }

        async fn replace(&self, _name: &str, bytes: &[u8], durability: Durability) -> io::Result<FileStamp> {
            assert_eq!((bytes, durability), (&b"8\n"[..], Durability::Synced));
            Ok(FileStamp { device: 0, inode: 0, size: 0, modified: 0 })
        }

        async fn remove(&self, _name: &str) -> io::Result<()> {
            Ok(())
        }

        async fn sweep(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[async_trait]
    impl TenureGuard for Failing {
        async fn check(&self) -> io::Result<OfficeCheck> {
            Ok(OfficeCheck::Held)
        }

        fn directory(&self) -> &dyn Directory {
            self
        }
    }

    #[tokio::test]
    async fn an_epoch_that_can_not_be_read_is_not_taken_for_none_but_what_is_no_file_is() {
        let floor = Some(Epoch(7));
        assert!(draw(&Failing(io::ErrorKind::Other), None, floor).await.is_err());
        assert_eq!(draw(&Failing(io::ErrorKind::InvalidData), None, floor).await.unwrap(), Epoch(8));
    }
}
