//! A launched worker that did not become ready: the error for the session, and the note for the
//! sessions after it.

use crate::error::EnsureError;
use crate::machine::{Ending, LaunchEvent, Pid, WorkerReport};
use crate::record::LaunchOutcome;

/// Why a launched worker did not become ready.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: EnsureError,
    /// What it said, or how it ended.
    pub(super) said: String,
    /// The end of its log.
    pub(super) log_tail: String,
}

impl Failure {
    /// Returns the failure that an event stands for.
    pub(super) fn of(event: LaunchEvent, log_tail: String) -> Self {
        let (error, said) = match event {
            LaunchEvent::Report(WorkerReport::Failed { code, message, port: Some(port), pid, program })
                if code == "port_taken" =>
            {
                (EnsureError::PortTaken { port, pid: pid.map(Pid), program }, message)
            }
            LaunchEvent::Report(WorkerReport::Failed { code, message, .. }) => {
                let (said, log_tail) = (message.clone(), log_tail.clone());
                (EnsureError::WorkerFailed { worker_code: code, message, log_tail }, said)
            }
            LaunchEvent::Report(_) => ended(Ending::Unknown, &log_tail),
            LaunchEvent::Ended(ending) => ended(ending, &log_tail),
        };
        Self { error, said, log_tail }
    }

    /// Returns the outcome to note.
    pub(super) fn outcome(&self) -> LaunchOutcome {
        match &self.error {
            EnsureError::PortTaken { port, pid, program } => {
                LaunchOutcome::PortTaken { port: *port, pid: pid.map(|pid| pid.0), program: program.clone() }
            }
            _ => LaunchOutcome::Failed,
        }
    }
}

fn ended(ending: Ending, log_tail: &str) -> (EnsureError, String) {
    let error = EnsureError::LaunchFailed { ending, log_tail: log_tail.to_owned() };
    let said = error.to_string();
    (error, said)
}
