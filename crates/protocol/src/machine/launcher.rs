use std::fmt;
use std::io;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ElectionGuard, ProcessIdentity};
use crate::Epoch;
use crate::request::EnsureRequest;

/// What a worker says over its readiness channel, one JSON object a line. The format is frozen: extend only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum WorkerReport {
    /// In office and serving.
    Ready {
        /// Its epoch.
        epoch: Epoch,
    },
    /// Somebody else is in office: this one ends with status 0.
    AlreadyRunning {
        /// Who, as far as the loser could tell.
        by: Option<u32>,
    },
    /// It can't serve, and says why before it ends.
    Failed {
        /// A stable code: the same set as [`crate::EnsureError::code`].
        code: String,
        /// For people.
        message: String,
        /// The port in question, for `port_taken`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        /// The process in question, for `port_taken` and others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pid: Option<u32>,
        /// Its program.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        program: Option<String>,
    },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It ended, but how could not be learnt.
    Unknown,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exited with status {status}"),
            Self::Signalled(signal) => write!(f, "was ended by signal {signal}"),
            Self::Unknown => f.write_str("ended"),
        }
    }
}

/// What happens to a launched worker while somebody watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaunchEvent {
    /// It said something.
    Report(WorkerReport),
    /// It ended without a word.
    Ended(Ending),
}

/// Why no process could be started.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// There is no such program, or it can't be executed.
    #[error("cannot run {program}: {source}")]
    Program {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system lets this process start none: a sandbox, or a limit.
    #[error("cannot start a process: {source}")]
    NoProcess {
        /// What the system said.
        source: io::Error,
    },
    /// The log file can't be opened.
    #[error("cannot open the worker's log {path}: {source}")]
    Log {
        /// The log.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Starting workers.
#[async_trait]
pub trait Launcher: Send + Sync {
    /// Starts the worker of `request`, detached, with a readiness channel. Only the elected may.
    async fn launch(
        &self,
        request: &EnsureRequest,
        elected: &dyn ElectionGuard,
    ) -> Result<Box<dyn Launched>, LaunchError>;
}

/// A worker that was launched by this process. Dropping it leaves the worker alone.
#[async_trait]
pub trait Launched: Send {
    /// Which process it is; `None` if it ended before that could be seen.
    fn process(&self) -> Option<ProcessIdentity>;
    /// Where its log begins: bytes that were in the log file before.
    fn log_start(&self) -> u64;
    /// Waits for what happens next. Cancelling loses nothing.
    async fn next(&mut self) -> LaunchEvent;
}

/// A worker's end of the readiness channel.
pub trait Readiness: Send + Sync {
    /// Says something to whoever launched this worker. Nobody may be listening any more: that is no error.
    fn report(&self, report: &WorkerReport);
}
