//! Looking without touching: what `status` shows.

use super::Call;
use super::sight::{FIRST_PATIENCE, Verdict};
use crate::error::EnsureError;
use crate::machine::{Machine, Pid, ProcessInfo, TenureLook};
use crate::proof::Health;
use crate::record::{LaunchNote, Record};
use crate::spec::WorkerSpec;

/// What can be seen of an identity.
#[derive(Debug)]
pub struct Sight {
    /// Whether the tenure lock is held.
    pub in_office: bool,
    /// By this process, if the kernel says.
    pub holder: Option<Pid>,
    /// What the worker in office, or the last one, says of itself. Not proven.
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
    /// Why a worker of the session's version would not be launched in another's place, in words, if that version is known to be bad.
    pub bad_version: Option<String>,
}

/// Looks at the identity. Starts, changes and writes nothing.
///
/// # Errors
/// If the state directory or its locks can't be looked at. A directory that does not exist is an identity without a worker.
pub async fn inspect(machine: &Machine, spec: &WorkerSpec) -> Result<Sight, EnsureError> {
    let call = Call::new(machine, spec, &|_| {});
    let verdict = call.look(FIRST_PATIENCE.max(spec.deadline / 2)).await?;
    let look = call.look_at_tenure().await?;
    let record = call.read_record().await;
    let holder = match &look {
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
    let (health, trouble) = match verdict {
        Verdict::Ready(health) | Verdict::Replaceable(health) => (Some(*health), None),
        Verdict::TooNew(health) => {
            (Some(*health), Some("it is too new for this version of the program".to_owned()))
        }
        Verdict::Outdated(health) => {
            (Some(*health), Some("it is too old for this version of the program".to_owned()))
        }
        _ if look == TenureLook::Free => (None, None),
        Verdict::Starting { .. } => (None, Some("it is starting".to_owned())),
        Verdict::Leaving => (None, Some("it is stopping".to_owned())),
        Verdict::Silent => (None, Some("it does not answer".to_owned())),
        Verdict::Absent => (None, Some("nobody answers at its address".to_owned())),
        Verdict::Foreign { address, what } => {
            (None, Some(format!("{address} is answered by something else: {what}")))
        }
    };
    let launch = call.read_launch().await;
    let held_back = match &launch {
        Some(note) if look == TenureLook::Free => call.cooling(note).await,
        _ => None,
    };
    Ok(Sight {
        in_office: look != TenureLook::Free,
        holder,
        record,
        health,
        process,
        launch,
        trouble,
        held_back,
        bad_version: call.bad_version().await,
    })
}
