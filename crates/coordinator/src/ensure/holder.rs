//! Who holds the tenure lock: found out so that only that process can ever be signalled.

use super::Call;
use crate::error::EnsureError;
use crate::layout;
use crate::machine::{Pid, ProcessInfo, TenureLook};
use crate::record::{READ_LIMIT, Record};

/// The process behind a held lock.
#[derive(Debug)]
pub(super) enum Holder {
    /// This one, proven by the kernel or by record and kernel together.
    Known(Box<ProcessInfo>),
    /// Nobody any more, or not yet to be told: look again.
    Moving,
    /// Processes that are no worker keep the lock.
    Leaked(Vec<Pid>),
}

impl Call<'_> {
    /// The record, whatever state it speaks of.
    pub(super) async fn read_record(&self) -> Option<Record> {
        self.read_file(layout::RECORD, READ_LIMIT).await
    }

    /// What the tenure lock shows now.
    pub(super) async fn look_at_tenure(&self) -> Result<TenureLook, EnsureError> {
        self.machine.locks.look(&self.spec.state_dir).await.map_err(|source| self.lock_error(source))
    }

    /// Identifies the holder of the lock that `look` found held.
    pub(super) async fn identify(&self, look: &TenureLook) -> Result<Holder, EnsureError> {
        let record = self.read_record().await;
        match look {
            TenureLook::Free => Ok(Holder::Moving),
            TenureLook::Held { by: Some(pid) } => {
                let Some(info) = self.look_at_process(*pid).await? else { return Ok(Holder::Moving) };
                // The kernel named the pid a moment ago, and the process was looked at after that. If the kernel still names it, the
                // start time that was read belongs to a process that held the lock under this pid; should it end now, its start time
                // keeps a later owner of the pid from being signalled.
                Ok(match self.look_at_tenure().await? {
                    TenureLook::Held { by } if by == Some(*pid) => Holder::Known(Box::new(info)),
                    _ => Holder::Moving,
                })
            }
            TenureLook::Held { by: None } => {
                self.refuse_other_machine(record.as_ref())?;
                Err(EnsureError::OtherMachine {
                    what: "machine or pid namespace",
                    theirs: "one that can't be seen from here".to_owned(),
                    ours: self.machine.processes.surroundings().pid_namespace,
                })
            }
            TenureLook::DirectoryOnly { holders } => {
                self.refuse_other_machine(record.as_ref())?;
                let Some(record) = record else { return Ok(Holder::Leaked(holders.clone())) };
                let named = self
                    .look_at_process(record.process.pid)
                    .await?
                    .filter(|info| info.identity == record.process);
                Ok(match named {
                    // Where the system does not tell who holds it, the record's living process is believed.
                    Some(info) if holders.is_empty() || holders.contains(&info.identity.pid) => {
                        Holder::Known(Box::new(info))
                    }
                    _ => Holder::Leaked(holders.clone()),
                })
            }
        }
    }

    async fn look_at_process(&self, pid: Pid) -> Result<Option<ProcessInfo>, EnsureError> {
        let looked = self.machine.processes.look(pid).await;
        looked.map_err(|source| EnsureError::NotPermitted { what: "look at the worker's process", source })
    }

    /// A worker on another machine, or in other namespaces, can't be judged from here: its pid and its address mean something else.
    pub(super) fn refuse_other_machine(&self, record: Option<&Record>) -> Result<(), EnsureError> {
        let Some(record) = record else { return Ok(()) };
        let ours = self.machine.processes.surroundings();
        let theirs = &record.surroundings;
        let boot = self.clock().boot_id();
        let differing = [
            ("host", &theirs.host, &ours.host),
            ("boot", &record.process.boot_id.0, &boot.0),
            ("pid namespace", &theirs.pid_namespace, &ours.pid_namespace),
            ("network namespace", &theirs.net_namespace, &ours.net_namespace),
        ];
        match differing.into_iter().find(|(_, theirs, ours)| theirs != ours) {
            Some((what, theirs, ours)) => {
                Err(EnsureError::OtherMachine { what, theirs: theirs.clone(), ours: ours.clone() })
            }
            None => Ok(()),
        }
    }
}
