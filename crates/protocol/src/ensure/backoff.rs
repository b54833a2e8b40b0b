//! The note of the last launch, and how it holds back the next one.

use std::net::{Ipv4Addr, SocketAddr};

use super::budget::PORT_PROBE;
use super::context::Call;
use super::holder;
use crate::error::EnsureError;
use crate::identity::PortChoice;
use crate::machine::{EventKind, Pid, ProbeAnswer, ProcessIdentity};
use crate::proof::Challenge;
use crate::record::{LaunchNote, LaunchOutcome, Record, WorkerState};

/// What the last launch says about a new one.
pub(super) enum Permission {
    /// A launch may be made, after this many failures in a row.
    Granted {
        /// The failures.
        failures: u32,
    },
    /// Another session's launch of this process has not come to an end.
    OnItsWay(ProcessIdentity, LaunchNote),
}

/// Returns whether a worker may be launched now.
///
/// # Errors
/// [`EnsureError::CoolingDown`] or [`EnsureError::PortTaken`] if launches are held back.
pub(super) async fn permission(cx: &Call<'_>) -> Result<Permission, EnsureError> {
    let Some(note) = cx.state.launch_note().await.filter(|note| is_of_this_boot(cx, note)) else {
        return Ok(Permission::Granted { failures: 0 });
    };
    if let Some(process) = on_its_way(cx, &note).await {
        return Ok(Permission::OnItsWay(process, note));
    }
    let failures = cooled_down(cx, &note).await?;
    check_port(cx, &note).await?;
    Ok(Permission::Granted { failures })
}

/// Returns why no worker would be launched just now, according to this note, if none is running.
pub(super) async fn held_back(cx: &Call<'_>, note: &LaunchNote) -> Option<EnsureError> {
    let counts = is_of_this_boot(cx, note) && on_its_way(cx, note).await.is_none();
    if counts { cooled_down(cx, note).await.err() } else { None }
}

/// Returns the note of a launch that was just made.
pub(super) fn begun(cx: &Call<'_>, process: Option<ProcessIdentity>, failures: u32) -> LaunchNote {
    LaunchNote {
        schema: 1,
        boot_id: cx.clock().boot_id(),
        at: cx.clock().now(),
        process,
        outcome: None,
        failures,
        last_error: None,
        log_tail: None,
    }
}

/// Writes how a launch went.
///
/// Another session may have been elected while this one was suspended, and may have noted its own
/// launch. Then its failures count too; and if that launch has not come to an end, it stays the one
/// that sessions wait for.
pub(super) async fn conclude(cx: &Call<'_>, mut note: LaunchNote) {
    let found = cx.state.launch_note().await.filter(|found| found.boot_id == note.boot_id);
    let failures = found.as_ref().map_or(note.failures, |found| found.failures.max(note.failures));
    // A taken port holds launches back until it is free, and not for a time.
    let failed = note.outcome == Some(LaunchOutcome::Failed);
    note.failures = failures.saturating_add(u32::from(failed));
    note.at = cx.clock().now();
    if let Some(other) = found.filter(|found| found.process != note.process)
        && on_its_way(cx, &other).await.is_some()
    {
        note = LaunchNote { failures: note.failures, ..other };
    }
    cx.state.write_launch_note(&note).await;
}

/// Writes that a launch failed, and why. Returns the note with that.
pub(super) async fn conclude_failure(
    cx: &Call<'_>,
    mut note: LaunchNote,
    error: &str,
    log_tail: &str,
) -> LaunchNote {
    note.last_error = Some(error.to_owned());
    note.log_tail = Some(log_tail.to_owned());
    conclude(cx, note.clone()).await;
    let worker = note.process.as_ref().map(|process| process.pid);
    cx.note(EventKind::LaunchFailed, worker, Some(error.to_owned())).await;
    note
}

/// Returns the process of a launch that has not come to an end: its session was killed, stopped, or
/// gave up.
async fn on_its_way(cx: &Call<'_>, note: &LaunchNote) -> Option<ProcessIdentity> {
    let process = note.process.as_ref().filter(|_| note.outcome.is_none())?;
    holder::inspect_living(cx, process).await.map(|_| process.clone())
}

/// Returns whether a note counts: one of another boot, or of the future on this boot's clock, does
/// not.
fn is_of_this_boot(cx: &Call<'_>, note: &LaunchNote) -> bool {
    note.boot_id == cx.clock().boot_id() && note.at <= cx.clock().now()
}

/// Returns the failures in a row up to now, if enough time has passed since the last.
async fn cooled_down(cx: &Call<'_>, note: &LaunchNote) -> Result<u32, EnsureError> {
    let failures = failures_up_to_now(cx, note).await;
    let delay = cx.request.backoff.delay(failures);
    let passed = cx.clock().now().since(note.at);
    if passed >= delay {
        return Ok(failures);
    }
    let died = || "the worker died soon after it was ready".to_owned();
    Err(EnsureError::CoolingDown {
        retry_in: delay - passed,
        attempts: failures,
        last_error: note.last_error.clone().unwrap_or_else(died),
        log_tail: note.log_tail.clone().unwrap_or_default(),
    })
}

/// Returns the failures in a row. The last launch may have failed after its session noted how it
/// went.
async fn failures_up_to_now(cx: &Call<'_>, note: &LaunchNote) -> u32 {
    let one_more = note.failures.saturating_add(1);
    match &note.outcome {
        Some(LaunchOutcome::Failed | LaunchOutcome::AlreadyRunning | LaunchOutcome::PortTaken { .. }) => {
            note.failures
        }
        Some(LaunchOutcome::Replaced) => 0,
        Some(LaunchOutcome::Ready { epoch, at }) => {
            let record = cx.state.record().await.filter(|record| record.epoch == Some(*epoch));
            let in_good_order = record.is_some_and(|record| record.state == WorkerState::Stopped);
            let stable = cx.clock().now().since(*at) >= cx.request.backoff.stable_after;
            if in_good_order || stable { 0 } else { one_more }
        }
        // Its session ended before it could note the outcome. Its process is dead by now.
        None => {
            let its = |record: &Record| note.process.as_ref().is_some_and(|process| record.is_of(process));
            let record = cx.state.record().await.filter(its);
            let served = record.is_some_and(|record| record.state != WorkerState::Starting);
            if served { 0 } else { one_more }
        }
    }
}

/// Refuses a launch while another program still holds the port of the last launch.
///
/// This is found out by connecting. A session that tried to bind the port would be in the way of
/// others, and of the worker.
async fn check_port(cx: &Call<'_>, note: &LaunchNote) -> Result<(), EnsureError> {
    let Some(LaunchOutcome::PortTaken { port, pid, program }) = &note.outcome else { return Ok(()) };
    if !matches!(cx.id.port(), PortChoice::Fixed(asked) if asked.get() == *port) {
        return Ok(());
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
    let challenge = Challenge::fresh(&*cx.machine.random)
        .map_err(|source| EnsureError::NotPermitted { what: "draw random bytes", source })?;
    let probe = cx.machine.network.probe(address, &challenge);
    let limit = cx.budget.inner().at_most(cx.clock(), PORT_PROBE);
    match limit.limit(cx.clock(), probe).await {
        Ok(ProbeAnswer::Refused | ProbeAnswer::Superseded) => Ok(()),
        Ok(ProbeAnswer::NotPermitted(source)) => {
            Err(EnsureError::NotPermitted { what: "connect to the worker's port", source })
        }
        _ => Err(match cx.machine.network.owner(*port).await {
            Some(owner) => {
                EnsureError::PortTaken { port: *port, pid: Some(owner.pid), program: Some(owner.program) }
            }
            None => EnsureError::PortTaken { port: *port, pid: pid.map(Pid), program: program.clone() },
        }),
    }
}
