//! A tenure that is not looked after.

use std::io;

use async_trait::async_trait;
use oneworker_protocol::layout;
use oneworker_protocol::machine::{
    ClaimAttempt, Directory, Durability, FileStamp, Machine, OfficeCheck, PendingTenure, Pid, TenureGuard,
};
use oneworker_protocol::record::{self, Record, WorkerState};

use crate::Sabotage;
use crate::reading::{successor, without_epoch};
use crate::switch::on;

/// What came of a try to take office, with its guard wrapped.
pub(crate) fn wrapped(machine: &Machine, attempt: ClaimAttempt) -> ClaimAttempt {
    let machine = machine.clone();
    match attempt {
        ClaimAttempt::Won(office) => ClaimAttempt::Won(Box::new(Office { machine, office })),
        ClaimAttempt::DirectoryBusy(pending) => {
            ClaimAttempt::DirectoryBusy(Box::new(Pending { machine, pending }))
        }
        held @ ClaimAttempt::Held { .. } => held,
    }
}

struct Pending {
    machine: Machine,
    pending: Box<dyn PendingTenure>,
}

#[async_trait]
impl PendingTenure for Pending {
    async fn retry(self: Box<Self>) -> io::Result<ClaimAttempt> {
        let Self { machine, pending } = *self;
        Ok(wrapped(&machine, pending.retry().await?))
    }

    fn holders(&self) -> Vec<Pid> {
        self.pending.holders()
    }
}

/// A tenure, and its own directory.
struct Office {
    machine: Machine,
    office: Box<dyn TenureGuard>,
}

#[async_trait]
impl TenureGuard for Office {
    async fn check(&self) -> io::Result<OfficeCheck> {
        match self.office.check().await? {
            OfficeCheck::Superseded if on(Sabotage::SupersededKeepsServing) => Ok(OfficeCheck::Held),
            found => Ok(found),
        }
    }

    fn directory(&self) -> &dyn Directory {
        self
    }
}

#[async_trait]
impl Directory for Office {
    async fn read(&self, name: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let bytes = self.office.directory().read(name, limit).await?;
        Ok(bytes.map(|bytes| match name {
            layout::SUCCESSOR => successor(&self.machine, bytes),
            layout::RECORD if on(Sabotage::EpochFileAlone) => without_epoch(bytes),
            _ => bytes,
        }))
    }

    async fn stat(&self, name: &str) -> io::Result<Option<FileStamp>> {
        self.office.directory().stat(name).await
    }

    async fn replace(&self, name: &str, bytes: &[u8], durability: Durability) -> io::Result<FileStamp> {
        let directory = self.office.directory();
        match name {
            layout::SUCCESSOR if on(Sabotage::OfficeLeftUnkept) => {
                Ok(FileStamp { device: 0, inode: 0, size: 0, modified: 0 })
            }
            layout::EPOCH if on(Sabotage::EpochNotSynced) => {
                directory.replace(name, bytes, Durability::Visible).await
            }
            layout::RECORD if on(Sabotage::LockFileUnlinked) => {
                let stamp = directory.replace(name, bytes, durability).await?;
                if record::parse::<Record>(bytes).is_some_and(|record| record.state == WorkerState::Stopped) {
                    let _ = directory.remove(layout::WORKER_LOCK).await;
                }
                Ok(stamp)
            }
            _ => directory.replace(name, bytes, durability).await,
        }
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        if name == layout::SUSPECT && on(Sabotage::ProofKeepsSuspicion) {
            return Ok(());
        }
        self.office.directory().remove(name).await
    }

    async fn sweep(&self) -> io::Result<()> {
        self.office.directory().sweep().await
    }
}
