//! Inspecting an identity without changing anything: what `status` shows.

use std::time::Duration;

use super::context::Context;
use super::holder;
use super::probe::{Probed, probe};
use crate::error::EnsureError;
use crate::machine::{Machine, Pid, ProcessInfo, TenureLook};
use crate::proof::Health;
use crate::record::{LaunchNote, Record};
use crate::worker_id::WorkerId;

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
}

/// Inspects the identity, for at most about `limit`. Starts, changes and writes nothing.
///
/// # Errors
/// If the state directory or its locks can't be inspected. A directory that does not exist is an
/// identity without a worker.
pub async fn inspect(machine: &Machine, id: &WorkerId, limit: Duration) -> Result<Sight, EnsureError> {
    let cx = Context::unwatched(machine, id, limit);
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
    Ok(Sight { in_office, holder, record, health, process, launch, trouble })
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
