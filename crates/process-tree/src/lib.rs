//! Owning a tree of processes: what a worker starts ends when its tenure ends, also after `kill -9` of the worker, and also what has forked
//! twice, left its session, cleared its environment or ignores SIGTERM.
//!
//! Three nets, each for what the one before can't hold:
//!
//! 1. [`spawn`] binds each child to this process: it is killed when this process dies (Linux, `PR_SET_PDEATHSIG` of prctl(2)), and what is left
//!    of its process group when it ends itself.
//! 2. [`guard`] leaves a *guardian* behind as the worker's parent. Whatever loses its parent in the tree becomes the guardian's child (Linux,
//!    `PR_SET_CHILD_SUBREAPER`), and ends with the worker.
//! 3. [`sweep`] finds what is left of earlier tenures by the [`Marker`] in its environment, in case the guardian was killed too.
//!
//! | | Linux | macOS | FreeBSD | Windows |
//! |---|---|---|---|---|
//! | [`spawn`] | yes | yes, but a child outlives a killed worker until the next sweep | yes, but a child outlives a killed worker | in a job object of its own |
//! | [`guard`] | yes | does nothing | does nothing | puts this process into a job object, which ends with it |
//! | [`sweep`], [`sweep_part`] | yes | yes, but for Apple's own programs, and who clears its environment | find nothing | find nothing: nothing can be left |
//!
//! No net holds a set-user-ID program, which the system lets this user neither see into nor kill, and what was started by somebody else on
//! request: a container, a service, a job of cron.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use thiserror::Error;

#[cfg(target_os = "linux")]
use oneworker_protocol::machine::Pid;
use oneworker_protocol::machine::ProcessIdentity;

mod marker;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(unix)]
use unix as imp;
#[cfg(windows)]
use windows as imp;

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
use elsewhere as nets;
#[cfg(target_os = "linux")]
use linux as nets;
#[cfg(target_os = "macos")]
use macos as nets;
#[cfg(windows)]
use windows::nets;

pub use imp::Child;
pub use marker::{LeftBehind, Marker, PART_VARIABLE};

/// How a process of the tree is started.
#[derive(Debug)]
pub struct ChildCommand {
    /// The program. With a slash in it, it is found from `directory`; without, along the `PATH` of `env`.
    pub program: PathBuf,
    /// Its arguments, without its own name.
    pub args: Vec<OsString>,
    /// Its whole environment: nothing is inherited. The variables of the readiness channel and of passed sockets are left out, whoever
    /// set them.
    pub env: Vec<(OsString, OsString)>,
    /// Its working directory.
    pub directory: PathBuf,
    /// Its umask(2). Without a meaning on Windows.
    pub umask: u32,
    /// Its nice value (setpriority(2)), if it is not to be this process' own. On Windows, the priority class that is nearest to it.
    pub nice: Option<i32>,
    /// What it may use at most.
    pub limits: ChildLimits,
    /// Passed by systemd's protocol (sd_listen_fds(3)): as descriptors 3 and up, with `LISTEN_FDS` and `LISTEN_PID`.
    #[cfg(unix)]
    pub sockets: Vec<std::os::fd::OwnedFd>,
}

/// What a process may use at most, by setrlimit(2). Each process that it starts has the same limits again, for itself: they are no limits of a
/// tree (those would need a control group, which most users are not given). On Windows they are limits of the tree, by its job object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildLimits {
    /// Bytes of private writable memory (`RLIMIT_DATA`). Not of address space (`RLIMIT_AS`): programs that reserve far more of it than they
    /// use, as Node and Java do, would not even start. Allocation fails beyond it; a lower limit that this process itself has stays. On Windows,
    /// bytes of committed memory.
    pub memory: Option<u64>,
    /// Open files (`RLIMIT_NOFILE`). An error on Windows, which knows no such limit.
    pub open_files: Option<u64>,
    /// CPU time, in whole seconds (`RLIMIT_CPU`): then SIGXCPU, and SIGKILL one second later. A lower limit that this process itself has stays. On
    /// Windows, time in user mode, to the 100 ns; then it is ended.
    pub cpu: Option<Duration>,
}

/// A signal for a process of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGQUIT.
    Quit,
    /// SIGHUP.
    HangUp,
    /// SIGKILL.
    Kill,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Terminate, Self::Interrupt, Self::Quit, Self::HangUp, Self::Kill, Self::User1, Self::User2];

    /// Its name, as in signal(7).
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::HangUp => "SIGHUP",
            Self::Kill => "SIGKILL",
            Self::User1 => "SIGUSR1",
            Self::User2 => "SIGUSR2",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    /// By its name, with or without `SIG`.
    fn from_str(name: &str) -> Result<Self, UnknownSignal> {
        let short = name.strip_prefix("SIG").unwrap_or(name);
        let found = Self::ALL.into_iter().find(|signal| &signal.name()[3..] == short);
        found.ok_or_else(|| UnknownSignal(name.to_owned()))
    }
}

/// No signal of this name can be sent to a process of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is none of SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGKILL, SIGUSR1 and SIGUSR2")]
pub struct UnknownSignal(pub String);

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

/// Starts a process of the tree, and blocks until it executes its program, some milliseconds at most.
///
/// Its standard input is `/dev/null`; its standard output and standard error are one pipe, [`Child::take_output`]. It leads a process group of
/// its own, and inherits nothing but that group's session: no other descriptor, no signal mask, no ignored signal, no variable. On Linux it is
/// killed when this process dies (not if its program is set-user-ID: prctl(2), `PR_SET_PDEATHSIG`). On Windows it is in a job object of its own, whose
/// only handle this process has; it is told to end by Ctrl-Break.
///
/// A small thread lives as long as the child does. It is the thread that has started it, since the parent whose death matters is a thread,
/// not a process (prctl(2) again), and the one that waits for it.
///
/// # Errors
/// If it was not started; nothing is left of it then.
pub fn spawn(command: &ChildCommand) -> Result<Child, SpawnError> {
    imp::spawn(command)
}

/// On Linux: forks. The parent becomes the guardian and never returns; the child returns and becomes the worker. To be called first thing in a
/// process, while it has one thread. Elsewhere does nothing.
///
/// The guardian keeps no descriptor, no lock and no controlling terminal's signal to itself, sleeps until a child of it ends, and hands
/// SIGTERM on to the worker. When the worker ends, it kills its own children until there are none, whose pids can't be anybody else's before
/// the guardian has reaped them, and then ends the same way as the worker has. Exempt is what was started with a readiness channel's variable,
/// a worker that was launched from within the tree: it has a tenure and a guardian of its own. So whatever a worker starts otherwise than by
/// [`spawn`] must not inherit that variable. A killed process in an uninterruptible wait is waited for.
///
/// To whoever has started this process, the guardian is the process that it has started. The variables by which a service manager addresses
/// one (`LISTEN_PID`, `WATCHDOG_PID`) are rewritten for the worker; that systemd listens to another than the main process has to be allowed
/// (systemd.service(5), `NotifyAccess=all`).
///
/// # Errors
/// If this process has more than one thread, or the system refuses the fork. Nothing is changed then.
pub fn guard() -> io::Result<()> {
    nets::guard()?;
    #[cfg(target_os = "linux")]
    if let Ok(Some(parent)) = oneworker_system::processes::look(Pid(std::os::unix::process::parent_id())) {
        // Set once: a second guard would be one of the first.
        let _ = GUARDIAN.set(parent.identity);
    }
    Ok(())
}

/// From here on this process lives on if its guardian is killed. Until then it dies with it: whoever ends a launch that has got stuck knows only the
/// guardian, since that is the process that was launched. To be called in office, on the thread that has called [`guard`].
pub fn outlive_guardian() {
    if guardian().is_some() {
        nets::outlive_guardian();
    }
}

static GUARDIAN: OnceLock<ProcessIdentity> = OnceLock::new();

/// The guardian of this process, if it has one: the process that was launched. a worker hands it to
/// [`Tenure::claim`](oneworker_protocol::Tenure::claim), which notes it in the record.
pub fn guardian() -> Option<ProcessIdentity> {
    GUARDIAN.get().cloned()
}

/// Ends all processes of this user that carry a marker of this identity other than `mine`: remains of earlier tenures. Returns how many. To be
/// called by whoever is in office, before it starts anything.
///
/// A process is known by the environment that it was started with (proc(5), `/proc/PID/environ`); one that was started with another, or has
/// written over it, is not found here. Never ended are this process, its parent, and workers with a readiness channel.
///
/// # Errors
/// With those that are alive when `patience` is over.
pub fn sweep(mine: &Marker, patience: Duration) -> Result<usize, LeftBehind> {
    nets::sweep(&marker::Wanted::Earlier(mine), patience)
}

/// The same for a part of this tenure that is about to be started again: ends what carries `mine` and has [`PART_VARIABLE`] set to `part`.
///
/// # Errors
/// As [`sweep`].
pub fn sweep_part(mine: &Marker, part: &str, patience: Duration) -> Result<usize, LeftBehind> {
    nets::sweep(&marker::Wanted::Part(mine, part), patience)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_read_by_its_name_with_and_without_the_prefix() {
        for signal in Signal::ALL {
            assert_eq!(signal.name().parse(), Ok(signal));
            assert_eq!(signal.name().trim_start_matches("SIG").parse(), Ok(signal));
        }
        for other in ["", "SIG", "term", "SIGSIGTERM", "SIGSTOP", "15"] {
            assert_eq!(other.parse::<Signal>(), Err(UnknownSignal(other.to_owned())));
        }
    }
}

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
