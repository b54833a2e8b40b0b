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

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

#[cfg(target_os = "linux")]
use oneworker_protocol::machine::Pid;
use oneworker_protocol::machine::ProcessIdentity;

mod child_command;
mod marker;
mod signal;
mod spawn_error;

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

pub use child_command::{ChildCommand, ChildLimits};
pub use imp::Child;
pub use marker::{LeftBehind, Marker, PART_VARIABLE};
pub use signal::{Signal, UnknownSignal};
pub use spawn_error::SpawnError;

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

/// The examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
