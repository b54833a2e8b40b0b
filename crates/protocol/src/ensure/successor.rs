//! Launching the successor of a worker that must hand over, and waiting until it has taken over.

use super::backoff;
use super::budget::RECORD_PAUSE;
use super::context::Call;
use super::failure::Failure;
use crate::deadline::{Deadline, TimedOut};
use crate::error::EnsureError;
use crate::failpoint;
use crate::identity::Epoch;
use crate::machine::{ElectionGuard, EventKind, LaunchEvent, Launched, Pid, ProcessIdentity, WorkerReport};
use crate::record::{LaunchNote, LaunchOutcome};
use crate::upgrade::{Ledger, Predecessor, code};

/// Why there is no successor.
pub(super) enum Miss {
    /// The old worker or the new one does not know how to hand over.
    NotKnown,
    /// Something has changed meanwhile, or the old worker refuses: why.
    Changed(String),
    /// The successor failed.
    Failed(EnsureError),
    /// It goes on, and there is no time to wait for it.
    Late(TimedOut),
}

/// Launches the successor, and waits until it has taken over from `predecessor`. Returns its epoch.
pub(super) async fn launch(
    cx: &Call<'_>,
    elected: &dyn ElectionGuard,
    predecessor: Predecessor,
    ledger: &mut Ledger,
    deadline: Deadline,
) -> Result<Epoch, Miss> {
    let version = &cx.id.version;
    let request = cx.request.launching(predecessor.tell(&cx.request.launch));
    let mut launched = match cx.machine.launcher.launch(&request, elected).await {
        Ok(launched) => launched,
        Err(error) => {
            let error = cx.launch_error(error);
            ledger.failed(version, &error.to_string(), "");
            let _ = cx.state.write_ledger(ledger).await;
            return Err(Miss::Failed(error));
        }
    };
    failpoint::hit("hand_over.spawned");
    ledger.launched(version, launched.process());
    let _ = cx.state.write_ledger(ledger).await;
    failpoint::hit("hand_over.launched");
    // If the time is up, it goes on without this session.
    let event = deadline.limit(cx.clock(), launched.next()).await.map_err(Miss::Late)?;
    match classify(event, predecessor) {
        Response::Ready(epoch) => {
            failpoint::hit("hand_over.ready");
            ledger.took_office(version, epoch, cx.clock().now());
            let _ = cx.state.write_ledger(ledger).await;
            note_ready(cx, launched.process(), epoch).await;
            Ok(epoch)
        }
        Response::NotKnown => Err(Miss::NotKnown),
        Response::Changed(why) => {
            ledger.gave_up(version);
            let _ = cx.state.write_ledger(ledger).await;
            // Probed again after a moment.
            cx.budget.inner().pause(cx.clock(), RECORD_PAUSE).await;
            Err(Miss::Changed(why))
        }
        Response::Failed(event) => Err(Miss::Failed(failed(cx, &mut *launched, ledger, event).await)),
    }
}

/// What a launched successor said, or did.
enum Response {
    Ready(Epoch),
    NotKnown,
    Changed(String),
    Failed(LaunchEvent),
}

fn classify(event: LaunchEvent, predecessor: Predecessor) -> Response {
    match event {
        LaunchEvent::Report(WorkerReport::Ready { epoch }) => Response::Ready(epoch),
        // A program that does not know that it is a successor claims the lock like any other, and
        // finds that the worker holds it that it should have asked.
        LaunchEvent::Report(WorkerReport::AlreadyRunning { by })
            if by.is_none_or(|by| Pid(by) == predecessor.pid) =>
        {
            Response::NotKnown
        }
        LaunchEvent::Report(WorkerReport::AlreadyRunning { .. }) => {
            Response::Changed("another worker came into office meanwhile".to_owned())
        }
        LaunchEvent::Report(WorkerReport::Failed { code, .. }) if code == code::UNKNOWN => Response::NotKnown,
        LaunchEvent::Report(WorkerReport::Failed { code, message, .. })
            if [code::REFUSED, code::LATE].contains(&code.as_str()) =>
        {
            Response::Changed(message)
        }
        failed => Response::Failed(failed),
    }
}

/// Notes that the successor failed, and returns why.
async fn failed(
    cx: &Call<'_>,
    launched: &mut dyn Launched,
    ledger: &mut Ledger,
    event: LaunchEvent,
) -> EnsureError {
    let log_tail = cx.state.log_tail(launched.log_start()).await;
    let Failure { error, .. } = Failure::of(event, log_tail);
    let words = error.to_string();
    ledger.failed(&cx.id.version, &words, error.log_tail().unwrap_or_default());
    let _ = cx.state.write_ledger(ledger).await;
    let pid = launched.process().map(|process| process.pid);
    cx.note(EventKind::LaunchFailed, pid, Some(words)).await;
    error
}

/// Writes the note of the launch that sessions know from now on.
async fn note_ready(cx: &Call<'_>, process: Option<ProcessIdentity>, epoch: Epoch) {
    let begun = backoff::begun(cx, process, 0);
    let outcome = Some(LaunchOutcome::Ready { epoch, at: begun.at });
    cx.state.write_launch_note(&LaunchNote { outcome, ..begun }).await;
}
