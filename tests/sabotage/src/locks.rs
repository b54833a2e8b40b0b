//! Locks that are not held, or not looked at.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use oneworker_protocol::machine::{ClaimAttempt, ElectionGuard, Locks, Machine, TenureLook};
use oneworker_protocol::record::{self, READ_LIMIT, Record, WorkerState};
use oneworker_protocol::{Name, ProtocolRange, layout};

use crate::Sabotage;
use crate::office::wrapped;
use crate::switch::on;

pub(crate) struct Sabotaged {
    machine: Machine,
    /// Elected, and the tenure lock was not looked at since.
    just_elected: AtomicBool,
}

impl Sabotaged {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, just_elected: AtomicBool::new(false) }
    }

    /// Believes the record: its process lives or not. One that ended in good order is gone, as its
    /// pid file would be.
    async fn look_at_the_record(&self, dir: &Path) -> io::Result<TenureLook> {
        let found: Option<Record> = record::read(&*self.machine.files, dir, layout::RECORD, READ_LIMIT).await;
        let Some(Record { process, .. }) = found.filter(|found| found.state != WorkerState::Stopped) else {
            return Ok(TenureLook::Free);
        };
        Ok(match self.machine.processes.look(process.pid).await? {
            Some(_) => TenureLook::Held { by: Some(process.pid) },
            None => TenureLook::Free,
        })
    }

    /// Writes the record that a worker would write first in office.
    async fn write_a_record(&self, dir: &Path) {
        let machine = &self.machine;
        let now = machine.clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let first = Record {
            schema: 1,
            name: Name::default(),
            state: WorkerState::Starting,
            epoch: None,
            process: machine.processes.me(),
            guardian: None,
            surroundings: machine.processes.surroundings(),
            address: None,
            service: None,
            version: semver::Version::new(0, 0, 0),
            protocol: ProtocolRange::default(),
            program: machine.processes.program(),
            started_at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            started: machine.clock.now(),
        };
        let _ = machine.files.replace(dir, layout::RECORD, &record::render(&first)).await;
    }
}

#[async_trait]
impl Locks for Sabotaged {
    async fn try_elect(&self, dir: &Path, rank: u8) -> io::Result<Option<Box<dyn ElectionGuard>>> {
        if rank > 0 && on(Sabotage::RankAlwaysZero) {
            return Ok(None);
        }
        let guard = self.machine.locks.try_elect(dir, rank).await?;
        self.just_elected.store(guard.is_some(), Ordering::Relaxed);
        Ok(guard.map(|guard| -> Box<dyn ElectionGuard> {
            if on(Sabotage::ElectionNotHeld) { Box::new(NotHeld(guard.rank())) } else { guard }
        }))
    }

    async fn look(&self, dir: &Path) -> io::Result<TenureLook> {
        if self.just_elected.swap(false, Ordering::Relaxed) && on(Sabotage::NoSecondProbe) {
            return Ok(TenureLook::Free);
        }
        if on(Sabotage::RecordBelieved) {
            return self.look_at_the_record(dir).await;
        }
        self.machine.locks.look(dir).await
    }

    async fn try_claim(&self, dir: &Path) -> io::Result<ClaimAttempt> {
        if on(Sabotage::RecordBeforeClaim) {
            self.write_a_record(dir).await;
        }
        Ok(wrapped(&self.machine, self.machine.locks.try_claim(dir).await?))
    }
}

/// An election that is over already.
struct NotHeld(u8);

impl ElectionGuard for NotHeld {
    fn rank(&self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use crate::{Sabotage, sabotaged, switch_on};

    #[tokio::test]
    async fn an_election_that_is_not_held_is_won_twice() {
        let dir = tempfile::tempdir().unwrap();
        let whole = sabotaged(oneworker_system::machine()).locks;
        let first = whole.try_elect(dir.path(), 0).await.unwrap().unwrap();
        assert!(whole.try_elect(dir.path(), 0).await.unwrap().is_none());
        drop(first);
        let _not_held = switch_on(Sabotage::ElectionNotHeld);
        let locks = sabotaged(oneworker_system::machine()).locks;
        let _first = locks.try_elect(dir.path(), 0).await.unwrap().unwrap();
        assert!(locks.try_elect(dir.path(), 0).await.unwrap().is_some());
    }
}
