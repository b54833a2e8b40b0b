//! Taking the tenure lock, and telling who has it if it can't be taken.

use std::time::{Duration, SystemTime};

use super::error::TenureError;
use super::holder::Holder;
use crate::deadline::Deadline;
use crate::failpoint;
use crate::layout;
use crate::machine::{ClaimAttempt, Machine, Pid, ProcessIdentity, TenureGuard};
use crate::record::{self, Record, WorkerState};
use crate::worker_id::WorkerId;

/// How long the directory's lock may be busy: those who look hold it for an instant.
const DIRECTORY_PATIENCE: Duration = Duration::from_secs(1);

/// What a worker can say of itself before it serves.
pub(super) fn first_record(machine: &Machine, id: &WorkerId, guardian: Option<&ProcessIdentity>) -> Record {
    Record {
        schema: 1,
        name: id.name.clone(),
        state: WorkerState::Starting,
        epoch: None,
        process: machine.processes.me(),
        guardian: guardian.cloned(),
        surroundings: machine.processes.surroundings(),
        address: None,
        service: None,
        version: id.version.clone(),
        protocol: id.protocol,
        program: machine.processes.program(),
        started_at_ms: millis(machine.clock.wall()),
        started: machine.clock.now(),
    }
}

/// Takes the tenure lock, or says who has it.
pub(super) async fn take_office(
    machine: &Machine,
    id: &WorkerId,
) -> Result<Result<Box<dyn TenureGuard>, Holder>, TenureError> {
    failpoint::hit("claim.before");
    let dir = &id.state_dir;
    machine.files.prepare(dir).await.map_err(|source| TenureError::StateDir { path: dir.clone(), source })?;

    let lock = |source| TenureError::Lock { path: dir.clone(), source };
    let patience = Deadline::after(&*machine.clock, DIRECTORY_PATIENCE, "locking the state directory");
    let mut attempt = machine.locks.try_claim(dir).await.map_err(lock)?;
    loop {
        match attempt {
            ClaimAttempt::Won(office) => return Ok(Ok(office)),
            ClaimAttempt::Held { by } => {
                return Ok(Err(Holder { pid: by, record: read_record(machine, id).await }));
            }
            ClaimAttempt::DirectoryBusy(pending) => {
                if patience.passed(&*machine.clock) {
                    return directory_holder(machine, id, pending.holders()).await.map(Err);
                }
                machine.clock.sleep(Duration::from_micros(500 + machine.clock.random() % 4000)).await;
                attempt = pending.retry().await.map_err(lock)?;
            }
        }
    }
}

/// Who keeps the directory's lock: the worker that the record names, or something that is none.
async fn directory_holder(
    machine: &Machine,
    id: &WorkerId,
    holders: Vec<Pid>,
) -> Result<Holder, TenureError> {
    let record = read_record(machine, id).await;
    if let Some(record) = &record {
        let process = machine.processes.look(record.process.pid).await.ok().flatten();
        let lives = process.is_some_and(|process| process.identity == record.process);
        if lives && (holders.is_empty() || holders.contains(&record.process.pid)) {
            return Ok(Holder { pid: Some(record.process.pid), record: Some(record.clone()) });
        }
    }
    Err(TenureError::LockLeaked { path: id.state_dir.clone(), pids: holders })
}

/// The record that is in the directory, whose ever it is.
pub(super) async fn read_record(machine: &Machine, id: &WorkerId) -> Option<Record> {
    record::read(&*machine.files, &id.state_dir, layout::RECORD, record::READ_LIMIT).await
}

fn millis(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
