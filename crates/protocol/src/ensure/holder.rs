//! Inspecting the tenure lock and the process that holds it, so that no other process is ever
//! signalled.

use super::context::Context;
use crate::error::EnsureError;
use crate::machine::{Activity, Pid, ProcessIdentity, ProcessInfo, Signal, TenureLook};
use crate::record::Record;

/// The process behind a held lock.
#[derive(Debug)]
pub(super) enum Holder {
    /// This one, proven by the kernel, or by record and kernel together.
    Known(Box<ProcessInfo>),
    /// The holder is changing at this moment: inspect it again.
    Changing,
    /// Processes that are no worker keep the lock.
    Leaked(Vec<Pid>),
}

/// Inspects the tenure lock.
pub(super) async fn inspect_tenure(cx: &Context<'_>) -> Result<TenureLook, EnsureError> {
    cx.machine.locks.look(&cx.id.state_dir).await.map_err(|source| cx.lock_error(source))
}

/// Identifies the holder of a lock that was found held.
pub(super) async fn identify(cx: &Context<'_>, tenure: &TenureLook) -> Result<Holder, EnsureError> {
    let record = cx.state.record().await;
    match tenure {
        TenureLook::Free => Ok(Holder::Changing),
        TenureLook::Held { by: Some(pid) } => identify_by_kernel(cx, *pid, record.as_ref()).await,
        TenureLook::Held { by: None } => {
            refuse_other_machine(cx, record.as_ref())?;
            Err(EnsureError::OtherMachine {
                what: "machine or pid namespace",
                theirs: "one that can't be seen from here".to_owned(),
                ours: cx.machine.processes.surroundings().pid_namespace,
            })
        }
        TenureLook::DirectoryOnly { holders } => identify_by_notes(cx, holders, record).await,
    }
}

/// Identifies the process that the kernel named a moment ago.
///
/// The process is inspected after that. If the kernel then still names it, the start time that was
/// read belongs to a process that held the lock under this pid. If it ends now, its start time
/// protects a later owner of the pid.
async fn identify_by_kernel(
    cx: &Context<'_>,
    pid: Pid,
    record: Option<&Record>,
) -> Result<Holder, EnsureError> {
    let Some(info) = inspect_process(cx, pid).await? else { return Ok(Holder::Changing) };
    match inspect_tenure(cx).await? {
        TenureLook::Held { by } if by == Some(pid) => {
            refuse_namesake(cx, record, &info).await?;
            Ok(Holder::Known(Box::new(info)))
        }
        _ => Ok(Holder::Changing),
    }
}

/// Identifies the holder of the directory's lock by the record. A worker that got stuck before its
/// first record is named by the note of its launch.
async fn identify_by_notes(
    cx: &Context<'_>,
    holders: &[Pid],
    record: Option<Record>,
) -> Result<Holder, EnsureError> {
    let launched = cx.state.launch_note().await.and_then(|note| note.process);
    let recorded = record.as_ref().map(|record| record.process.clone());
    for process in recorded.into_iter().chain(launched) {
        let named = inspect_process(cx, process.pid).await?.filter(|info| info.identity == process);
        // If the system does not tell the holders, a living process is believed.
        if let Some(info) = named
            && (holders.is_empty() || holders.contains(&process.pid))
        {
            return Ok(Holder::Known(Box::new(info)));
        }
    }
    refuse_other_machine(cx, record.as_ref())?;
    Ok(Holder::Leaked(holders.to_vec()))
}

/// Refuses a pid that means another process here: a kernel that shares its locks with other
/// machines may name one of theirs. A process that a session of this boot launched is meant,
/// whatever an old record says of its pid.
async fn refuse_namesake(
    cx: &Context<'_>,
    record: Option<&Record>,
    info: &ProcessInfo,
) -> Result<(), EnsureError> {
    let refused = refuse_other_machine(cx, record.filter(|record| record.process.pid == info.identity.pid));
    if matches!(refused, Err(EnsureError::OtherMachine { what: "boot", .. })) {
        let launched = cx.state.launch_note().await.and_then(|note| note.process);
        if launched.as_ref() == Some(&info.identity) {
            return Ok(());
        }
    }
    refused
}

/// Refuses a worker on another machine or in other namespaces: its pid and its address mean
/// something else here.
fn refuse_other_machine(cx: &Context<'_>, record: Option<&Record>) -> Result<(), EnsureError> {
    let Some(record) = record else { return Ok(()) };
    let ours = cx.machine.processes.surroundings();
    let theirs = &record.surroundings;
    let boot = cx.clock().boot_id();
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

/// Refuses to signal a process under a debugger.
pub(super) fn refuse_traced(process: &ProcessInfo) -> Result<(), EnsureError> {
    match process.traced_by {
        Some(tracer) => Err(EnsureError::UnderDebugger { pid: process.identity.pid, tracer }),
        None => Ok(()),
    }
}

/// Inspects exactly this process, and not a later one with its pid.
pub(super) async fn inspect_same(cx: &Context<'_>, process: &ProcessIdentity) -> Option<ProcessInfo> {
    let now = cx.machine.processes.look(process.pid).await.ok().flatten();
    now.filter(|now| now.identity == *process)
}

/// Inspects exactly this process, if it is not dead.
pub(super) async fn inspect_living(cx: &Context<'_>, process: &ProcessIdentity) -> Option<ProcessInfo> {
    let info = inspect_same(cx, process).await?;
    (info.activity != Activity::Zombie).then_some(info)
}

async fn inspect_process(cx: &Context<'_>, pid: Pid) -> Result<Option<ProcessInfo>, EnsureError> {
    let info = cx.machine.processes.look(pid).await;
    info.map_err(|source| EnsureError::NotPermitted { what: "look at the worker's process", source })
}

/// Signals exactly this process. One that is gone needs no signal: the lock tells.
pub(super) async fn signal(
    cx: &Context<'_>,
    target: &ProcessIdentity,
    signal: Signal,
) -> Result<(), EnsureError> {
    let signalled = cx.machine.processes.signal(target, signal).await;
    signalled.map(drop).map_err(|source| EnsureError::NotPermitted { what: "signal the worker", source })
}
