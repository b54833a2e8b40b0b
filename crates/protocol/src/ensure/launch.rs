//! Step [`Next::Launch`]: launching a worker, and waiting until it is ready.

use super::backoff::{self, Permission};
use super::budget::RECORD_PAUSE;
use super::context::{Call, Phase};
use super::failure::Failure;
use super::next::{Claim, Elected, Next};
use super::probe::{Probed, probe};
use super::reuse::too_new;
use super::rollback::{self, Choice};
use super::worker::{Outcome, ReplaceReason, Worker};
use crate::error::EnsureError;
use crate::failpoint;
use crate::identity::Epoch;
use crate::machine::{EventKind, LaunchEvent, Launched, WorkerReport};
use crate::record::{LaunchNote, LaunchOutcome};

/// Launches a worker, unless one is on its way already or launches are held back, and waits for it.
pub(super) async fn launch(
    cx: &Call<'_>,
    elected: Elected,
    replaced: Option<ReplaceReason>,
) -> Result<Next, EnsureError> {
    let failures = match backoff::permission(cx).await? {
        Permission::Granted { failures } => failures,
        Permission::OnItsWay(process, note) => {
            return Ok(Next::Await(elected, Claim { process, note, replaced }));
        }
    };
    let choice = rollback::choose(cx).await?;
    match start(cx, &elected, choice, failures, replaced.as_ref()).await? {
        Started::Ready(mut worker) => {
            cx.state.note_upgraded(replaced.as_ref(), worker.epoch).await;
            worker.outcome = replaced.map_or(Outcome::Started, |why| Outcome::Replaced { why });
            Ok(Next::Done(worker))
        }
        Started::Overtaken => Ok(Next::Elect),
    }
}

/// What a start came to.
enum Started {
    /// The worker is ready, and proved itself.
    Ready(Worker),
    /// Another worker is running.
    Overtaken,
}

/// Starts the chosen program, and waits until it is ready.
async fn start(
    cx: &Call<'_>,
    elected: &Elected,
    choice: Choice,
    failures: u32,
    replaced: Option<&ReplaceReason>,
) -> Result<Started, EnsureError> {
    // In a sandbox without sockets a worker would fail, and would hold back the launches of
    // sessions outside it.
    if let Err(source) = cx.machine.network.permitted().await {
        return Err(EnsureError::NotPermitted { what: "open a socket", source });
    }
    cx.enter(Phase::Starting(None));
    failpoint::hit("launch.before");
    let launched = cx.machine.launcher.launch(&choice.request, &**elected).await;
    let mut launched = launched.map_err(|error| choice.launch_error(cx, error))?;
    failpoint::hit("launch.spawned");
    let note = backoff::begun(cx, launched.process(), failures);
    cx.state.write_launch_note(&note).await;
    failpoint::hit("launch.noted");
    let event = next_event(cx, &mut *launched, &note, replaced).await?;
    let attempt = Attempt { cx, choice, note };
    match event {
        LaunchEvent::Report(WorkerReport::Ready { epoch }) => attempt.ready(epoch).await,
        LaunchEvent::Report(WorkerReport::AlreadyRunning { .. }) => Ok(attempt.already_running().await),
        failed => {
            let log_tail = cx.state.log_tail(launched.log_start()).await;
            Err(attempt.failed(Failure::of(failed, log_tail)).await)
        }
    }
}

/// Waits for what the launched worker says. Meanwhile the launch is noted in the history, which so
/// takes no time of the session's own. If the time is up, the worker goes on starting.
async fn next_event(
    cx: &Call<'_>,
    launched: &mut dyn Launched,
    note: &LaunchNote,
    replaced: Option<&ReplaceReason>,
) -> Result<LaunchEvent, EnsureError> {
    let pid = note.process.as_ref().map(|process| process.pid);
    let phase = Phase::Starting(pid);
    let deadline = cx.enter(phase);
    let noted = cx.note(EventKind::Launched, pid, replaced.map(ToString::to_string));
    let (event, _) =
        tokio::join!(deadline.limit(cx.clock(), launched.next()), deadline.limit(cx.clock(), noted));
    event.map_err(|_| phase.too_late(cx.waited()))
}

/// A launch whose process said something.
struct Attempt<'c, 'a> {
    cx: &'c Call<'a>,
    choice: Choice,
    note: LaunchNote,
}

impl Attempt<'_, '_> {
    async fn ready(mut self, epoch: Epoch) -> Result<Started, EnsureError> {
        let cx = self.cx;
        failpoint::hit("launch.ready");
        self.note.outcome = Some(LaunchOutcome::Ready { epoch, at: cx.clock().now() });
        self.choice.note_outcome(cx, &self.note).await;
        backoff::conclude(cx, self.note).await;
        match probe(cx, cx.budget.unhurried()).await? {
            Probed::Ready(health) | Probed::Replaceable(health) => {
                let mut worker = Worker::proven(cx.id, &health, Outcome::Started);
                worker.warnings.extend(self.choice.instead);
                worker.warnings.extend(network_file_system(cx).await);
                Ok(Started::Ready(worker))
            }
            // This session's own program is too old for it: another launch would bring the same.
            Probed::Outdated(health) if health.epoch == epoch => Err(too_new(cx, &health).await),
            _ => Ok(Started::Overtaken),
        }
    }

    /// Another worker holds the lock, and is probed next. Not at once, since it may be about to
    /// write its record.
    async fn already_running(mut self) -> Started {
        self.note.outcome = Some(LaunchOutcome::AlreadyRunning);
        backoff::conclude(self.cx, self.note).await;
        self.cx.budget.inner().pause(self.cx.clock(), RECORD_PAUSE).await;
        Started::Overtaken
    }

    async fn failed(mut self, failure: Failure) -> EnsureError {
        self.note.outcome = Some(failure.outcome());
        let Failure { error, said, log_tail } = failure;
        let note = backoff::conclude_failure(self.cx, self.note, &said, &log_tail).await;
        self.choice.note_outcome(self.cx, &note).await;
        error
    }
}

/// Says that the state directory is on a network file system. The session that starts a worker says
/// it, once.
async fn network_file_system(cx: &Call<'_>) -> Option<String> {
    let kind = cx.state.network_file_system().await?;
    let dir = cx.id.state_dir.display();
    Some(format!(
        "{dir} is on a network file system ({kind}), whose locks may not exclude a worker on another machine: \
         name a local directory (--state-dir or ONEWORKER_STATE_DIR)"
    ))
}
