//! The guardian: the worker's parent, and of all that loses its parent below the worker.
//!
//! ```text
//! launcher ──▶ guardian (subreaper, one thread, no descriptors)
//!                 ├──▶ worker ──▶ child ──▶ …
//!                 └──▶ whatever below the worker has lost its parent
//! ```
//!
//! It sleeps in sigwaitinfo(2), with all signals blocked: nothing wakes it but a child's end and SIGTERM.

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;

use rustix::io::retry_on_intr;
use rustix::process::{
    DumpableBehavior, Pid, Resource, Rlimit, Signal, WaitOptions, WaitStatus, getpid, getppid, kill_process,
    set_child_subreaper, set_dumpable_behavior, set_parent_process_death_signal, setrlimit, wait,
};

use super::proc;
use crate::marker::has;
use oneworker_system::descriptors::close_all;
use oneworker_system::readiness;

pub(crate) fn guard() -> io::Result<()> {
    if fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("a process with several threads can not become a guardian"));
    }
    // Before there is a worker, so that nothing of it can escape. Not inherited by the worker (prctl(2), PR_SET_CHILD_SUBREAPER).
    let guardian = getpid();
    set_child_subreaper(Some(guardian))?;
    let mask = block_all_signals();
    // An ignored SIGCHLD would have the kernel reap children before anybody learns how they ended (waitpid(2)).
    // SAFETY: a plain call.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    // SAFETY: this process has one thread, so its copy is whole.
    match unsafe { libc::fork() } {
        0 => {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            if getppid() != Some(guardian) {
                // It died before that.
                return Err(io::Error::other("the guardian was killed"));
            }
            take_over_messages(guardian);
            set_mask(&mask);
            Ok(())
        }
        worker => match Pid::from_raw(worker.max(0)) {
            Some(worker) => Guardian { worker }.stand_by(),
            None => {
                let error = io::Error::last_os_error();
                set_mask(&mask);
                set_child_subreaper(None)?;
                Err(error)
            }
        },
    }
}

pub(crate) fn outlive_guardian() {
    let _ = set_parent_process_death_signal(None);
}

/// A service manager's messages to the process that it has started are the worker's (sd_listen_fds(3), sd_watchdog_enabled(3)).
fn take_over_messages(guardian: Pid) {
    for name in ["LISTEN_PID", "WATCHDOG_PID"] {
        if std::env::var(name).is_ok_and(|pid| pid == guardian.to_string()) {
            // SAFETY: this process has one thread, so nobody reads the environment meanwhile.
            unsafe { std::env::set_var(name, getpid().to_string()) };
        }
    }
}

struct Guardian {
    worker: Pid,
}

/// What is left after all children that have ended were reaped.
enum Left {
    /// No child at all.
    Nobody,
    Somebody,
}

impl Guardian {
    fn stand_by(self) -> ! {
        let _ = rustix::thread::set_name(c"oneworker-guard");
        let_go_of_everything();
        let status = self.await_worker();
        self.end_tree();
        end_as(status)
    }

    /// Reaps whoever ends, until it is the worker.
    fn await_worker(&self) -> WaitStatus {
        let mut ended = None;
        loop {
            let left = reap(|pid, status| {
                if pid == self.worker {
                    ended = Some(status);
                }
            });
            if let Some(status) = ended {
                return status;
            }
            if matches!(left, Left::Nobody) {
                // It can't be: the worker is a child until it is reaped here.
                // SAFETY: a plain system call.
                unsafe { libc::_exit(1) }
            }
            if await_signal() == libc::SIGTERM {
                // Not reaped yet, so it is the worker and nobody else.
                let _ = kill_process(self.worker, Signal::TERM);
            }
        }
    }

    /// Kills children until there are none but exempt ones. The children of each become ours when it dies, and before we hear of its death.
    fn end_tree(&self) {
        loop {
            if matches!(reap(|_, _| {}), Left::Nobody) {
                return;
            }
            let Ok(children) = proc::children() else { return };
            // Not reaped, so each pid is a child's. One that may not be killed belongs to another user, and is not waited for.
            let killed = children
                .into_iter()
                .filter(|child| !is_worker(*child))
                .filter(|child| kill_process(*child, Signal::KILL).is_ok())
                .count();
            if killed == 0 {
                // The list is whole if nobody has ended while it was made (proc(5), `/proc/PID/task/TID/children`).
                let mut changed = false;
                if matches!(reap(|_, _| changed = true), Left::Nobody) || !changed {
                    return;
                }
            } else {
                await_signal();
            }
        }
    }
}

/// Whether it was launched by a session: a worker with a tenure of its own, or its guardian.
fn is_worker(child: Pid) -> bool {
    has(&proc::environment(child), readiness::VARIABLE)
}

/// Reaps all children that have ended.
fn reap(mut each: impl FnMut(Pid, WaitStatus)) -> Left {
    loop {
        match retry_on_intr(|| wait(WaitOptions::NOHANG)) {
            Ok(Some((pid, status))) => each(pid, status),
            Ok(None) => return Left::Somebody,
            Err(_) => return Left::Nobody,
        }
    }
}

/// Nothing that is waited for or locked by others may stay open here: above all not the readiness channel, whose end tells of the worker's
/// death. The directory is kept by no file system that somebody wants to unmount.
fn let_go_of_everything() {
    let _ = rustix::process::chdir(c"/");
    if let Ok(null) = rustix::fs::open(
        c"/dev/null",
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    ) {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
        // Closed with all others.
        std::mem::forget(null);
    }
    // SAFETY: this process has one thread, and opens a descriptor from here on only to close it again.
    unsafe { close_all(3, RawFd::MAX) };
}

fn signal_set(fill: bool) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: either call makes the whole set.
    unsafe {
        if fill {
            libc::sigfillset(set.as_mut_ptr());
        } else {
            libc::sigemptyset(set.as_mut_ptr());
        }
        set.assume_init()
    }
}

/// Blocks all signals that can be; those of job control do what they do to the worker, so that a shell sees both stop. Returns what was
/// blocked before.
fn block_all_signals() -> libc::sigset_t {
    let mut all = signal_set(true);
    let mut before = signal_set(false);
    // SAFETY: sets that are valid for the calls.
    unsafe {
        for signal in [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU] {
            libc::sigdelset(&raw mut all, signal);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
    }
    before
}

fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: a set that is valid for the call.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}

/// Sleeps until a child has ended or SIGTERM has come; which of them.
fn await_signal() -> libc::c_int {
    let mut awaited = signal_set(false);
    // SAFETY: sets that are valid for the calls. Both signals are blocked, so that none is lost between two calls, and none is ignored
    // (sigwaitinfo(2)).
    unsafe {
        libc::sigaddset(&raw mut awaited, libc::SIGCHLD);
        libc::sigaddset(&raw mut awaited, libc::SIGTERM);
        libc::sigwaitinfo(&raw const awaited, ptr::null_mut())
    }
}

/// Ends as the worker has, for whoever waits for this process and takes it for the worker. Without a core dump: the worker has left one.
fn end_as(status: WaitStatus) -> ! {
    if let Some(signal) = status.terminating_signal() {
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        // No other: one that has come meanwhile would end this process in its own way.
        let mut others = signal_set(true);
        // SAFETY: plain calls, on a set that is valid for them.
        unsafe {
            libc::sigdelset(&raw mut others, signal);
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
            set_mask(&others);
            // Not reached.
            libc::_exit(128 + signal)
        }
    }
    // SAFETY: a plain system call.
    unsafe { libc::_exit(status.exit_status().unwrap_or(1)) }
}
