//! Why there is no worker: one variant for each thing that a caller can act on.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use semver::Version;
use thiserror::Error;

use crate::identity::ProtocolRange;
use crate::machine::{Activity, Ending, LaunchError, Pid};

/// The most of the worker's log that an error carries, in bytes.
pub const LOG_TAIL_BYTES: usize = 4 * 1024;

/// Why [`crate::ensure_on`] has no worker to give.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnsureError {
    /// The state directory can't be used: missing rights, another owner, a symbolic link, a full disk.
    #[error("the state directory {} can't be used: {source}", path.display())]
    StateDir {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No lock can be taken there: a file system without locks, or too many open files.
    #[error("no lock can be taken in {}: {source}", path.display())]
    Lock {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing runs, and the session asked not to start anything.
    #[error("no worker is running")]
    NotRunning,
    /// A worker is on its way, but was not ready by the deadline. It goes on starting: ask again.
    #[error("the worker{} is still starting after {waited:.1?}", of(*pid))]
    Starting {
        /// Its process, if known.
        pid: Option<Pid>,
        /// How long this call waited.
        waited: Duration,
    },
    /// A worker is on its way out, and had not left by the deadline.
    #[error("the worker (pid {pid}) is stopping, and had not left after {waited:.1?}")]
    Leaving {
        /// Its process.
        pid: Pid,
        /// How long this call waited.
        waited: Duration,
    },
    /// The worker in office did not answer, but has not been silent for long enough to be replaced.
    #[error("the worker (pid {pid}) does not answer ({}): silent for {silent_for:.1?}, replaced after {limit:.1?}", activity_word(*activity, *busy))]
    Unresponsive {
        /// Its process.
        pid: Pid,
        /// What the process is doing.
        activity: Activity,
        /// Whether it has been using the CPU meanwhile.
        busy: bool,
        /// For how long it was seen silent.
        silent_for: Duration,
        /// After how long it is replaced.
        limit: Duration,
    },
    /// The worker in office is held by a debugger, and therefore left alone.
    #[error("the worker (pid {pid}) is being debugged by pid {tracer}, and is left alone")]
    UnderDebugger {
        /// Its process.
        pid: Pid,
        /// The debugger.
        tracer: Pid,
    },
    /// The worker in office hangs, and not even a kill ended it.
    #[error("the worker (pid {pid}) hangs and can't be ended ({activity:?}): {why}")]
    Unkillable {
        /// Its process.
        pid: Pid,
        /// What the process is doing.
        activity: Activity,
        /// What was tried.
        why: String,
    },
    /// The tenure lock is held, but by no worker that can be identified: a process that kept a copy of a dead worker's
    /// descriptor.
    #[error("the lock of {} is held, but by no worker: {}", path.display(), pids_word(pids))]
    LockLeaked {
        /// The state directory.
        path: PathBuf,
        /// Who has it open, as far as can be seen.
        pids: Vec<Pid>,
    },
    /// Something that is not the identity's worker answers where the worker in office should be.
    #[error("{address} is answered by something that is not this worker: {what}")]
    Foreign {
        /// Where.
        address: SocketAddr,
        /// What was wrong.
        what: String,
    },
    /// The identity's port is held by another program.
    #[error("port {port} is held by {}", owner_word(*pid, program.as_deref()))]
    PortTaken {
        /// The port.
        port: u16,
        /// By this process, if that could be seen.
        pid: Option<Pid>,
        /// Its program.
        program: Option<String>,
    },
    /// The worker in office is newer than this session can talk to. Nothing is ever downgraded by itself.
    #[error("the worker in office ({worker_version} from {}, pid {pid}) speaks protocol {worker_protocol}, this session ({version} from {}) only {protocol}", worker_program.display(), program.display())]
    TooNew {
        /// Its process.
        pid: Pid,
        /// Its version.
        worker_version: Version,
        /// What it speaks.
        worker_protocol: ProtocolRange,
        /// Its program.
        worker_program: PathBuf,
        /// This session's version.
        version: Version,
        /// What this session speaks.
        protocol: ProtocolRange,
        /// What this session would start.
        program: PathBuf,
    },
    /// The worker in office lives where this session's signals and addresses mean nothing.
    #[error("the worker in office runs on another {what} ({theirs}; this is {ours}): it is left alone")]
    OtherMachine {
        /// Host, boot, pid namespace or network namespace.
        what: &'static str,
        /// The worker's.
        theirs: String,
        /// This session's.
        ours: String,
    },
    /// Recent launches failed, so none is tried now.
    #[error(
        "no launch for another {retry_in:.1?}, after {attempts} failures in a row; the last: {last_error}"
    )]
    CoolingDown {
        /// When the next one may be tried.
        retry_in: Duration,
        /// Failures in a row.
        attempts: u32,
        /// What the last one was.
        last_error: String,
        /// The end of its log.
        log_tail: String,
    },
    /// No process could be started.
    #[error(transparent)]
    CannotLaunch(#[from] LaunchError),
    /// The worker ended before it was ready.
    #[error("the worker {ending} before it was ready")]
    LaunchFailed {
        /// How it ended.
        ending: Ending,
        /// The end of its log.
        log_tail: String,
    },
    /// The worker said that it can't serve.
    #[error("the worker can't serve: {message}")]
    WorkerFailed {
        /// Its stable code.
        worker_code: String,
        /// What it said.
        message: String,
        /// The end of its log.
        log_tail: String,
    },
    /// A sandbox forbids this process what is needed to reach, start or end a worker. It is not taken for "nothing runs".
    #[error("this process may not {what}: {source}")]
    NotPermitted {
        /// What is forbidden.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The deadline passed while something else than the worker was slow.
    #[error("the deadline passed after {waited:.1?} while {phase}")]
    TimedOut {
        /// What was being done.
        phase: &'static str,
        /// How long this call took.
        waited: Duration,
    },
}

impl EnsureError {
    /// A code that stays the same in every version, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::StateDir { .. } => "state_dir",
            Self::Lock { .. } => "lock_failed",
            Self::NotRunning => "not_running",
            Self::Starting { .. } => "starting",
            Self::Leaving { .. } => "leaving",
            Self::Unresponsive { .. } => "unresponsive",
            Self::UnderDebugger { .. } => "under_debugger",
            Self::Unkillable { .. } => "unkillable",
            Self::LockLeaked { .. } => "lock_leaked",
            Self::Foreign { .. } => "foreign",
            Self::PortTaken { .. } => "port_taken",
            Self::TooNew { .. } => "too_new",
            Self::OtherMachine { .. } => "other_machine",
            Self::CoolingDown { .. } => "cooling_down",
            Self::CannotLaunch(_) => "cannot_launch",
            Self::LaunchFailed { .. } => "launch_failed",
            Self::WorkerFailed { .. } => "worker_failed",
            Self::NotPermitted { .. } => "not_permitted",
            Self::TimedOut { .. } => "timed_out",
        }
    }

    /// The end of the worker's log, where a launch failed; at most [`LOG_TAIL_BYTES`].
    pub fn log_tail(&self) -> Option<&str> {
        match self {
            Self::CoolingDown { log_tail, .. }
            | Self::LaunchFailed { log_tail, .. }
            | Self::WorkerFailed { log_tail, .. } => Some(log_tail),
            _ => None,
        }
    }
}

fn of(pid: Option<Pid>) -> String {
    pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
}

fn activity_word(activity: Activity, busy: bool) -> &'static str {
    match (activity, busy) {
        (Activity::Stopped, _) => "it is stopped",
        (Activity::Traced, _) => "a debugger holds it",
        (Activity::Uninterruptible, _) => "it waits for the kernel",
        (_, true) => "it is busy",
        (_, false) => "it hangs",
    }
}

fn pids_word(pids: &[Pid]) -> String {
    match pids {
        [] => "nobody can be seen to hold it".to_owned(),
        _ => {
            let list: Vec<_> = pids.iter().map(Pid::to_string).collect();
            format!("held by pid {}", list.join(", "))
        }
    }
}

fn owner_word(pid: Option<Pid>, program: Option<&str>) -> String {
    match (pid, program) {
        (Some(pid), Some(program)) => format!("{program} (pid {pid})"),
        (Some(pid), None) => format!("pid {pid}"),
        _ => "another program (whose owner can't be seen: perhaps another user's)".to_owned(),
    }
}
