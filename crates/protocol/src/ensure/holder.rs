//! Who holds the tenure lock: found out so that only that process can ever be signalled.

use super::Call;
use crate::error::EnsureError;
use crate::layout;
use crate::machine::{Pid, ProcessIdentity, ProcessInfo, TenureLook};
use crate::record::{READ_LIMIT, Record};
use crate::sabotage::{self, Sabotage};

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
        #[cfg(all(oneworker_test, debug_assertions))]
        if sabotage::on(Sabotage::RecordBelieved) {
            let Some(Record { process, .. }) = self.read_record().await else { return Ok(TenureLook::Free) };
            let lives = self.look_at_process(process.pid).await?.is_some();
            return Ok(if lives { TenureLook::Held { by: Some(process.pid) } } else { TenureLook::Free });
        }
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
                match self.look_at_tenure().await? {
                    TenureLook::Held { by } if by == Some(*pid) => {
                        self.refuse_namesake(record.as_ref(), &info).await?;
                        Ok(Holder::Known(Box::new(info)))
                    }
                    _ => Ok(Holder::Moving),
                }
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
                // A worker that got stuck before its first record is named by who launched it.
                let launched = self.read_launch().await.and_then(|note| note.process);
                let recorded = record.as_ref().map(|record| record.process.clone());
                for process in recorded.into_iter().chain(launched) {
                    let named =
                        self.look_at_process(process.pid).await?.filter(|info| info.identity == process);
                    // Where the system does not tell who holds it, the living process is believed.
                    if let Some(info) = named
                        && (holders.is_empty() || holders.contains(&process.pid))
                    {
                        return Ok(Holder::Known(Box::new(info)));
                    }
                }
                self.refuse_other_machine(record.as_ref())?;
                Ok(Holder::Leaked(holders.clone()))
            }
        }
    }

    /// A kernel that shares its locks with other machines may name a pid of one of those, which means somebody else here. What a session of this
    /// boot has launched is no such namesake, whatever an old boot's record says of its pid.
    async fn refuse_namesake(&self, record: Option<&Record>, info: &ProcessInfo) -> Result<(), EnsureError> {
        let refused =
            self.refuse_other_machine(record.filter(|record| record.process.pid == info.identity.pid));
        if matches!(refused, Err(EnsureError::OtherMachine { what: "boot", .. })) {
            let launched = self.read_launch().await.and_then(|note| note.process);
            if launched.as_ref() == Some(&info.identity) {
                return Ok(());
            }
        }
        refused
    }

    /// Nobody is signalled whom a debugger halts: somebody is looking at him.
    pub(super) fn refuse_traced(process: &ProcessInfo) -> Result<(), EnsureError> {
        match process.traced_by.filter(|_| !sabotage::on(Sabotage::DebuggerIgnored)) {
            Some(tracer) => Err(EnsureError::UnderDebugger { pid: process.identity.pid, tracer }),
            None => Ok(()),
        }
    }

    /// What is to be seen of this very process, and not of a later one with its pid.
    pub(super) async fn look_at_same(&self, process: &ProcessIdentity) -> Option<ProcessInfo> {
        let now = self.machine.processes.look(process.pid).await.ok().flatten();
        now.filter(|now| now.identity == *process)
    }

    async fn look_at_process(&self, pid: Pid) -> Result<Option<ProcessInfo>, EnsureError> {
        let looked = self.machine.processes.look(pid).await;
        looked.map_err(|source| EnsureError::NotPermitted { what: "look at the worker's process", source })
    }

    /// Who is signalled if only the pid is looked at.
    #[cfg(all(oneworker_test, debug_assertions))]
    pub(super) async fn mistaken(&self, target: &ProcessIdentity) -> Result<ProcessIdentity, EnsureError> {
        if !sabotage::on(Sabotage::KillWithoutStartTime) {
            return Ok(target.clone());
        }
        let now = self.look_at_process(target.pid).await?;
        Ok(now.map_or_else(|| target.clone(), |info| info.identity))
    }

    /// A worker on another machine, or in other namespaces, can't be judged from here: its pid and its address mean something else.
    fn refuse_other_machine(&self, record: Option<&Record>) -> Result<(), EnsureError> {
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
        let counts = |what: &str| what != "boot" || !sabotage::on(Sabotage::BootIgnored);
        match differing.into_iter().find(|(what, theirs, ours)| theirs != ours && counts(what)) {
            Some((what, theirs, ours)) => {
                Err(EnsureError::OtherMachine { what, theirs: theirs.clone(), ours: ours.clone() })
            }
            None => Ok(()),
        }
    }
}
