//! Ending processes: who is asked, who is killed, and that each is still the one that was chosen.

use std::time::{Duration, Instant};

use coordinator::machine::{Activity, Machine, ProcessIdentity, Signal, SignalOutcome};
use serde::Serialize;

/// How long a killed process may take to be gone.
pub(super) const KILL: Duration = Duration::from_secs(3);
/// How often the processes are inspected.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What became of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ProcessEnd {
    pub(super) pid: u32,
    pub(super) outcome: EndOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EndOutcome {
    /// It obeyed.
    Terminated,
    /// It had to be killed.
    Killed,
    /// It was gone already.
    Gone,
    /// A debugger came.
    Traced,
    /// It lives.
    Failed,
}

impl ProcessEnd {
    /// In a sentence.
    pub(super) fn words(&self) -> String {
        let how = match self.outcome {
            EndOutcome::Terminated => "has ended",
            EndOutcome::Killed => "did not obey and was killed",
            EndOutcome::Gone => "was gone already",
            EndOutcome::Traced => "is left alone: a debugger has it",
            EndOutcome::Failed => "could not be ended",
        };
        let error = self.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        format!("process {} {how}{error}", self.pid)
    }
}

/// Asks all of them to end, waits, and kills who does not. Each is looked at again right before each signal: pid, start time and boot.
pub(super) async fn end(
    machine: &Machine,
    targets: &[ProcessIdentity],
    patience: Duration,
) -> Vec<ProcessEnd> {
    let mut ends: Vec<ProcessEnd> = targets
        .iter()
        .map(|target| ProcessEnd { pid: target.pid.0, outcome: EndOutcome::Gone, error: None })
        .collect();
    for (target, end) in targets.iter().zip(&mut ends) {
        signal(machine, target, Signal::Terminate, EndOutcome::Terminated, end).await;
    }
    wait(machine, targets, patience).await;
    for (target, end) in targets.iter().zip(&mut ends) {
        if end.outcome == EndOutcome::Terminated && lives(machine, target).await {
            signal(machine, target, Signal::Kill, EndOutcome::Killed, end).await;
        }
    }
    wait(machine, targets, KILL).await;
    for (target, end) in targets.iter().zip(&mut ends) {
        if end.outcome == EndOutcome::Killed && lives(machine, target).await {
            (end.outcome, end.error) =
                (EndOutcome::Failed, Some(format!("it lives {KILL:?} after it was killed")));
        }
    }
    ends
}

/// The same, for one.
pub(super) async fn end_one(machine: &Machine, target: &ProcessIdentity, patience: Duration) -> ProcessEnd {
    let ended = end(machine, std::slice::from_ref(target), patience).await.pop();
    ended.unwrap_or(ProcessEnd { pid: target.pid.0, outcome: EndOutcome::Gone, error: None })
}

async fn signal(
    machine: &Machine,
    target: &ProcessIdentity,
    signal: Signal,
    done: EndOutcome,
    end: &mut ProcessEnd,
) {
    let info = machine.processes.look(target.pid).await.ok().flatten();
    if info.is_some_and(|info| info.traced_by.is_some() || info.activity == Activity::Traced) {
        end.outcome = EndOutcome::Traced;
        return;
    }
    match machine.processes.signal(target, signal).await {
        Ok(SignalOutcome::Sent) => end.outcome = done,
        Ok(SignalOutcome::Gone) => {}
        Err(error) => (end.outcome, end.error) = (EndOutcome::Failed, Some(error.to_string())),
    }
}

/// Until all of them are gone, or the time is over.
async fn wait(machine: &Machine, targets: &[ProcessIdentity], patience: Duration) {
    let until = Instant::now() + patience;
    for target in targets {
        while lives(machine, target).await && Instant::now() < until {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

pub(super) async fn lives(machine: &Machine, target: &ProcessIdentity) -> bool {
    let info = machine.processes.look(target.pid).await.ok().flatten();
    info.is_some_and(|info| info.identity == *target && info.activity != Activity::Zombie)
}
