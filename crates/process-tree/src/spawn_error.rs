//! Why a process was not started.

use std::io;

use thiserror::Error;

/// Why a process was not started.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("there is no program {program}")]
    NoSuchProgram {
        /// The program.
        program: String,
    },
    /// There is such a file, and it can't be executed: no permission, no program, or its interpreter is missing.
    #[error("{program} cannot be executed: {source}")]
    NotExecutable {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The working directory is missing, or may not be entered.
    #[error("cannot enter the working directory {directory}: {source}")]
    Directory {
        /// The directory.
        directory: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system does not grant a limit or a nice value.
    #[error("cannot set {what}: {source}")]
    NotPermitted {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// What was to be passed to the program can't be passed to any.
    #[error("{what} cannot be passed to a program: it has a zero byte in it, or its name is none")]
    Malformed {
        /// Which argument or variable.
        what: String,
    },
    /// The system gives no process, thread or descriptor at the moment: a limit, a lack of memory, or a sandbox.
    #[error("cannot start a process: {source}")]
    NoProcess {
        /// What the system said.
        source: io::Error,
    },
}
