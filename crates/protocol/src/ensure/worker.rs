//! The result of a call: the worker, and how it was obtained.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::identity::{Epoch, Port, PortChoice, ProtocolRange};
use crate::machine::Pid;
use crate::proof::Health;
use crate::worker_id::WorkerId;

/// A worker that proved during this very call that it is the identity's running worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Where it serves, as `http://127.0.0.1:37777`.
    pub url: String,
    /// Its port.
    pub port: Port,
    /// Its address.
    pub address: SocketAddr,
    /// Where it proved itself and answers for its data. Differs from `address` only if the worker
    /// supervises a command that serves in its place.
    pub control: SocketAddr,
    /// The process that holds the tenure lock.
    pub pid: Pid,
    /// The command's process, if it supervises one.
    pub child_pid: Option<Pid>,
    /// Its tenure's number.
    pub epoch: Epoch,
    /// Its version: not necessarily the one that this session would have started.
    pub version: semver::Version,
    /// The protocol versions that it speaks.
    pub protocol: ProtocolRange,
    /// How it was obtained.
    pub outcome: Outcome,
    /// How long the call took.
    pub elapsed: Duration,
    /// What a person should know although the call succeeded.
    pub warnings: Vec<String>,
}

impl Worker {
    /// Builds the result from a proven answer of the worker.
    pub(super) fn proven(id: &WorkerId, health: &Health, outcome: Outcome) -> Self {
        let address = health.service.map_or(health.address, |service| service.address);
        let port = Port::new(address.port()).unwrap_or(Port::DEFAULT);
        Self {
            url: format!("http://{address}"),
            port,
            address,
            control: health.address,
            pid: health.pid,
            child_pid: health.service.map(|service| service.pid),
            epoch: health.epoch,
            version: health.version.clone(),
            protocol: health.protocol,
            outcome,
            elapsed: Duration::ZERO,
            warnings: warnings(id, health, port),
        }
    }
}

/// Names what was asked for and the worker is not.
fn warnings(id: &WorkerId, health: &Health, port: Port) -> Vec<String> {
    let name = id.name.as_str();
    let mut warnings = Vec::new();
    if id.supervised && health.service.is_none() {
        warnings.push(format!("the worker of {name:?} serves itself, without a command"));
    }
    if let Some(PortChoice::Fixed(asked)) = id.port
        && asked != port
    {
        warnings.push(format!(
            "the worker of {name:?} runs on port {port}, not on {asked} as this session asked"
        ));
    }
    warnings
}

/// How the worker was obtained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was already running.
    Reused,
    /// Another session started it, or it was starting or slow: this call waited.
    Waited,
    /// This call started it.
    Started,
    /// This call started it in place of another worker.
    Replaced {
        /// Why.
        why: ReplaceReason,
    },
}

impl Outcome {
    /// Returns the word for it in the command line's output.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Reused => "reused",
            Self::Waited => "waited",
            Self::Started => "started",
            Self::Replaced { .. } => "replaced",
        }
    }
}

/// Why a worker was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplaceReason {
    /// It was silent for longer than the hang limit.
    Hung {
        /// Its process.
        pid: Pid,
        /// For how long it was found silent.
        silent_for: Duration,
    },
    /// It was stopped (SIGSTOP) for longer than the hang limit.
    Stopped {
        /// Its process.
        pid: Pid,
        /// For how long it was found silent.
        silent_for: Duration,
    },
    /// It speaks only protocols that are older than this session needs.
    Outdated {
        /// Its process.
        pid: Pid,
        /// Its version.
        version: semver::Version,
    },
    /// Its version or this session's cannot hand over, so it was told to stop.
    Retired {
        /// Its process.
        pid: Pid,
        /// Its version.
        version: semver::Version,
    },
    /// It handed over to this session's version.
    Handed {
        /// Its process.
        pid: Pid,
        /// Its version.
        version: semver::Version,
    },
}

impl fmt::Display for ReplaceReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hung { pid, silent_for } => {
                write!(f, "the worker (pid {pid}) hung: silent for {silent_for:.1?}")
            }
            Self::Stopped { pid, silent_for } => {
                write!(f, "the worker (pid {pid}) was stopped for {silent_for:.1?}")
            }
            Self::Outdated { pid, version } => {
                write!(f, "the worker (pid {pid}, version {version}) speaks only older protocols")
            }
            Self::Retired { pid, version } => {
                write!(f, "the worker (pid {pid}, version {version}) was told to make room for this version")
            }
            Self::Handed { pid, version } => {
                write!(f, "the worker (pid {pid}, version {version}) has handed over")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_their_words() {
        let why = ReplaceReason::Hung { pid: Pid(1), silent_for: Duration::ZERO };
        let outcomes = [Outcome::Reused, Outcome::Waited, Outcome::Started, Outcome::Replaced { why }];
        assert_eq!(outcomes.each_ref().map(Outcome::as_str), ["reused", "waited", "started", "replaced"]);
    }
}
