//! The machine as one value.

use std::sync::Arc;

use super::clock::Clock;
use super::files::Files;
use super::history::{Event, EventKind, History};
use super::launcher::Launcher;
use super::locks::Locks;
use super::network::Network;
use super::processes::Processes;
use super::random::Random;

/// A machine: everything outside the process that the protocol touches.
#[derive(Clone)]
pub struct Machine {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Files of state directories.
    pub files: Arc<dyn Files>,
    /// Election and tenure.
    pub locks: Arc<dyn Locks>,
    /// Processes: looking and signalling.
    pub processes: Arc<dyn Processes>,
    /// Starting workers.
    pub launcher: Arc<dyn Launcher>,
    /// Ports and probes.
    pub network: Arc<dyn Network>,
    /// Random bytes.
    pub random: Arc<dyn Random>,
    /// The history, best effort.
    pub history: Arc<dyn History>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Machine")
    }
}

impl Event {
    /// What happened now, as noted by this process; the rest is for the caller to fill in.
    pub fn now(machine: &Machine, kind: EventKind) -> Self {
        Self {
            at: machine.clock.wall(),
            noted_by: machine.processes.me().pid,
            kind,
            worker: None,
            epoch: None,
            version: None,
            program: None,
            reason: None,
        }
    }
}
