//! Inspects the worker, and says in one word how it is.

use coordinator::machine::Machine;
use coordinator::record::{Record, WorkerState};
use coordinator::{EnsureError, Sight, inspect};
use serde::Serialize;

use crate::progress::Progress;
use crate::request::Request;

/// Inspects the worker within the deadline.
pub(super) async fn inspect_worker(machine: &Machine, request: &Request) -> Result<Sight, EnsureError> {
    let progress = Progress::default();
    progress.phase("looking at the worker");
    let limit = request.ensure.deadline();
    let looking = tokio::time::timeout(limit, inspect(machine, request.ensure.id(), limit));
    match progress.watch(looking).await {
        Ok(sight) => sight,
        Err(_) => Err(EnsureError::TimedOut { phase: "looking at the worker", waited: limit }),
    }
}

/// How the worker is: one word, and the exit code that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WorkerCondition {
    Ready,
    Starting,
    Leaving,
    Unresponsive,
    NotRunning,
}

impl WorkerCondition {
    pub(super) fn of(sight: &Sight) -> Self {
        let said = match (&sight.health, record_in_office(sight)) {
            (Some(health), _) => Some(health.state),
            (None, record) => record.map(|record| record.state),
        };
        match said {
            _ if !sight.in_office => Self::NotRunning,
            Some(WorkerState::Starting) => Self::Starting,
            Some(WorkerState::Leaving) => Self::Leaving,
            Some(WorkerState::Ready) if sight.health.is_some() => Self::Ready,
            _ => Self::Unresponsive,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Leaving => "leaving",
            Self::Unresponsive => "unresponsive",
            Self::NotRunning => "not_running",
        }
    }
}

/// The record, if it is of the one in office and not a leftover.
pub(super) fn record_in_office(sight: &Sight) -> Option<&Record> {
    let record = sight.record.as_ref().filter(|_| sight.in_office)?;
    sight.holder.is_none_or(|pid| pid == record.process.pid).then_some(record)
}
