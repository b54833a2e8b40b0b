use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::BootId;

/// A process id. It says nothing about *which* process; [`ProcessIdentity`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pid(pub u32);

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// When a process started, in the kernel's own unit: clock ticks since boot on Linux, microseconds since 1970 on macOS, 100 ns
/// since 1601 on Windows. Only compared for equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StartTime(pub u64);

/// Which process: a pid alone is reused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Its pid.
    pub pid: Pid,
    /// When it started.
    pub start_time: StartTime,
    /// In which boot.
    pub boot_id: BootId,
}

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Running, runnable or waiting.
    Alive,
    /// Stopped by a signal (SIGSTOP, SIGTSTP).
    Stopped,
    /// Stopped by its debugger.
    Traced,
    /// In an uninterruptible wait: no signal is delivered.
    Uninterruptible,
    /// Ended, and not yet reaped: dead, whatever `kill(pid, 0)` says.
    Zombie,
}

/// What can be seen of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Which one.
    pub identity: ProcessIdentity,
    /// What it is doing.
    pub activity: Activity,
    /// The process that traces it, if any.
    pub traced_by: Option<Pid>,
    /// CPU time used by all its threads.
    pub cpu_time: Duration,
    /// Time its main thread was ready to run and had to wait for a CPU, where the system tells.
    pub starved: Duration,
    /// Its program's file name, for people.
    pub program: String,
}

/// Where this process runs, as far as it matters for what a pid or a lock means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// The machine.
    pub host: String,
    /// The user, as the system identifies them.
    #[serde(default)]
    pub user: String,
    /// The pid namespace (Linux), else empty.
    #[serde(default)]
    pub pid_namespace: String,
    /// The network namespace (Linux), else empty.
    #[serde(default)]
    pub net_namespace: String,
}

/// A signal of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Please end (SIGTERM). On Windows there is no such thing for a process without a console: does nothing.
    Terminate,
    /// Go on (SIGCONT), so that a stopped process can obey. Nothing on Windows.
    Continue,
    /// End now (SIGKILL, `TerminateProcess`).
    Kill,
}

/// What came of signalling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalOutcome {
    /// It was sent.
    Sent,
    /// That very process does not exist any more: nothing was sent.
    Gone,
}

/// Looking at processes, and signalling those that are surely ours.
#[async_trait]
pub trait Processes: Send + Sync {
    /// This process.
    fn me(&self) -> ProcessIdentity;
    /// This process's program, for people.
    fn program(&self) -> PathBuf;
    /// Where this process runs.
    fn surroundings(&self) -> Surroundings;
    /// The process that has this pid now; `None` if there is none.
    async fn look(&self, pid: Pid) -> io::Result<Option<ProcessInfo>>;
    /// Waits until exactly this process has ended; at once if it has. By the kernel's notice where that can be had (Linux, pidfd), else by
    /// looking every two seconds. Cancelled by dropping.
    async fn ended(&self, process: &ProcessIdentity);
    /// Sends a signal to exactly this process.
    ///
    /// On Linux (pidfd) and Windows (handle) the process is held while its identity is compared, so that the pid can't be
    /// reused in between; macOS has no such handle and compares immediately before.
    ///
    /// # Errors
    /// `PermissionDenied` if this process may not signal it.
    async fn signal(&self, target: &ProcessIdentity, signal: Signal) -> io::Result<SignalOutcome>;
}
