use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use crate::machine::{Pid, WorkerReport};

/// This worker is no longer the one: it has to stop at once.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("superseded: {why}")]
pub struct Superseded {
    /// What was found.
    pub why: String,
}

/// Why a worker can't take or use its office.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TenureError {
    /// The state directory can't be used or written to.
    #[error("the state directory {} can't be used: {source}", path.display())]
    StateDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The tenure lock can't be taken, for another reason than being held.
    #[error("no lock can be taken in {}: {source}", path.display())]
    Lock {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory's lock is held by something that is not a worker in office.
    #[error("the lock of {} is held, but by no worker (pids {pids:?})", path.display())]
    LockLeaked {
        /// The directory.
        path: PathBuf,
        /// Who has it open, as far as can be seen.
        pids: Vec<Pid>,
    },
    /// The identity's port is held by somebody else.
    #[error("port {port} is held by {}", program.as_deref().unwrap_or("another program"))]
    PortTaken {
        /// The port.
        port: u16,
        /// By this process, if that could be seen.
        pid: Option<Pid>,
        /// Its program.
        program: Option<String>,
    },
    /// The address can't be listened on, for another reason than being taken.
    #[error("can't listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no random bytes for the secrets.
    #[error("the system gives no random bytes: {0}")]
    Random(io::Error),
    /// Something that the worker needs besides its office can't be used: its database, say.
    #[error("{message}")]
    Unusable {
        /// A stable code.
        code: &'static str,
        /// What is wrong.
        message: String,
        /// The process that is in the way, if one is.
        pid: Option<Pid>,
    },
    /// This was to be the successor of a worker in office, and the office was not handed over to it.
    #[error("office was not handed over: {message}")]
    NotHandedOver {
        /// A stable code.
        code: &'static str,
        /// Why.
        message: String,
    },
    /// No longer in office.
    #[error(transparent)]
    Superseded(#[from] Superseded),
}

impl TenureError {
    /// A code that stays the same in every version; the same words as [`crate::EnsureError::code`] where they mean the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::StateDir { .. } => "state_dir",
            Self::Lock { .. } => "lock_failed",
            Self::LockLeaked { .. } => "lock_leaked",
            Self::PortTaken { .. } => "port_taken",
            Self::Bind { .. } => "bind_failed",
            Self::Random(_) => "no_random",
            Self::Unusable { code, .. } | Self::NotHandedOver { code, .. } => code,
            Self::Superseded(_) => "superseded",
        }
    }

    /// What the launcher is told.
    pub fn report(&self) -> WorkerReport {
        let (port, pid, program) = match self {
            Self::PortTaken { port, pid, program } => (Some(*port), pid.map(|pid| pid.0), program.clone()),
            Self::LockLeaked { pids, .. } => (None, pids.first().map(|pid| pid.0), None),
            Self::Unusable { pid, .. } => (None, pid.map(|pid| pid.0), None),
            _ => (None, None, None),
        };
        WorkerReport::Failed { code: self.code().to_owned(), message: self.to_string(), port, pid, program }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_code_and_names_who_is_in_the_way() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let dir = PathBuf::from("/state");
        let address = ([127, 0, 0, 1], 1).into();
        let errors = [
            (TenureError::StateDir { path: dir.clone(), source: denied() }, "state_dir", (None, None)),
            (TenureError::Lock { path: dir.clone(), source: denied() }, "lock_failed", (None, None)),
            (
                TenureError::LockLeaked { path: dir, pids: vec![Pid(7), Pid(8)] },
                "lock_leaked",
                (None, Some(7)),
            ),
            (
                TenureError::PortTaken { port: 9, pid: Some(Pid(7)), program: Some("nginx".to_owned()) },
                "port_taken",
                (Some(9), Some(7)),
            ),
            (TenureError::Bind { address, source: denied() }, "bind_failed", (None, None)),
            (TenureError::Random(denied()), "no_random", (None, None)),
            (
                TenureError::Unusable {
                    code: "database_busy",
                    message: "busy".to_owned(),
                    pid: Some(Pid(7)),
                },
                "database_busy",
                (None, Some(7)),
            ),
            (
                TenureError::NotHandedOver { code: "hand_over_late", message: "it did not go".to_owned() },
                "hand_over_late",
                (None, None),
            ),
            (Superseded { why: "gone".to_owned() }.into(), "superseded", (None, None)),
        ];
        for (error, expected, named) in errors {
            let WorkerReport::Failed { code, message, port, pid, program } = error.report() else {
                panic!("{error:?}")
            };
            assert_eq!((code.as_str(), error.code(), (port, pid)), (expected, expected, named));
            assert_eq!(message, error.to_string());
            assert_eq!(program.is_some(), expected == "port_taken");
        }
    }
}
