//! Inspecting an identity without changing anything: what `status` shows.

use super::backoff;
use super::context::Context;
use super::holder;
use super::probe::{Probed, probe};
use super::rollback;
use crate::error::EnsureError;
use crate::machine::{Machine, Pid, ProcessInfo, TenureLook};
use crate::proof::Health;
use crate::record::{LaunchNote, Record};
use crate::spec::WorkerSpec;

/// What is known of an identity.
#[derive(Debug)]
pub struct Sight {
    /// Whether a process holds the tenure lock.
    pub in_office: bool,
    /// That process, if the kernel names it.
    pub holder: Option<Pid>,
    /// What the running worker, or the last one, says of itself. Not proven.
    pub record: Option<Record>,
    /// The worker's answer, if it proved itself.
    pub health: Option<Health>,
    /// The holder's process.
    pub process: Option<ProcessInfo>,
    /// The last launch.
    pub launch: Option<LaunchNote>,
    /// What keeps the worker from answering, in words.
    pub trouble: Option<String>,
    /// Why a session would launch no worker just now, if launches are held back.
    pub held_back: Option<EnsureError>,
    /// Why a worker of the session's version would not be launched in place of another, in words,
    /// if that version is known to be bad.
    pub bad_version: Option<String>,
}

/// Inspects the identity. Starts, changes and writes nothing.
///
/// # Errors
/// If the state directory or its locks can't be inspected. A directory that does not exist is an
/// identity without a worker.
pub async fn inspect(machine: &Machine, spec: &WorkerSpec) -> Result<Sight, EnsureError> {
    let cx = Context::unwatched(machine, spec);
    let probed = probe(&cx, cx.budget.inspection()).await?;
    let tenure = holder::inspect_tenure(&cx).await?;
    let record = cx.state.record().await;
    let holder = match &tenure {
        TenureLook::Free => None,
        TenureLook::Held { by } => *by,
        TenureLook::DirectoryOnly { holders } => {
            record.as_ref().map(|record| record.process.pid).filter(|pid| holders.contains(pid))
        }
    };
    let process = match holder {
        Some(pid) => machine.processes.look(pid).await.ok().flatten(),
        None => None,
    };
    let in_office = tenure != TenureLook::Free;
    let trouble = trouble(&probed, in_office);
    let health = match probed {
        Probed::Starting { .. } => None,
        probed => probed.proven().map(|health| *health),
    };
    let launch = cx.state.launch_note().await;
    let held_back = match &launch {
        Some(note) if !in_office => backoff::held_back(&cx, note).await,
        _ => None,
    };
    let bad_version = rollback::bad_version(&cx).await;
    Ok(Sight { in_office, holder, record, health, process, launch, trouble, held_back, bad_version })
}

/// Says what keeps the worker from answering.
fn trouble(probed: &Probed, in_office: bool) -> Option<String> {
    let words = match probed {
        Probed::Ready(_) | Probed::Replaceable(_) => return None,
        Probed::TooNew(_) => "it is too new for this version of the program",
        Probed::Outdated(_) => "it is too old for this version of the program",
        _ if !in_office => return None,
        Probed::Starting { .. } => "it is starting",
        Probed::Leaving => "it is stopping",
        Probed::Silent => "it does not answer",
        Probed::Absent => "nobody answers at its address",
        Probed::Foreign { address, what } => {
            return Some(format!("{address} is answered by something else: {what}"));
        }
    };
    Some(words.to_owned())
}
