//! Ending what is left of a tenure, known by its environment.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::stat;
use rustix::io::Errno;
use rustix::process::{
    Pid as RawPid, PidfdFlags, Signal, geteuid, getpid, getppid, pidfd_open, pidfd_send_signal,
};

use super::proc;
use crate::marker::{LeftBehind, Wanted};
use oneworker_protocol::machine::Pid;
use oneworker_system::processes;

/// How long the ends of those that were killed are waited for before it is looked for more: one that takes longer is in an uninterruptible
/// wait, and others may have been started meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// At most so many at a time, since each takes a descriptor. The rest is found with the next look.
const AT_A_TIME: usize = 64;

/// A process that is to end.
struct Found {
    pid: RawPid,
    /// Means it and nobody else (pidfd_open(2)). None if the system gives none: too many open files, or Linux before 5.3. Without it, nobody is
    /// killed, since the pid may be anybody's the next moment.
    held: Option<OwnedFd>,
}

pub(crate) fn sweep(wanted: &Wanted<'_>, patience: Duration) -> Result<usize, LeftBehind> {
    let end = Instant::now() + patience;
    let mut ended = 0;
    let mut sure = true;
    loop {
        let found = find(wanted);
        if found.is_empty() {
            // What was found may have started another where the look had been already: so another look, if anything was.
            if std::mem::replace(&mut sure, true) {
                return Ok(ended);
            }
            continue;
        }
        sure = false;
        for held in found.iter().filter_map(|process| process.held.as_ref()) {
            let _ = pidfd_send_signal(held, Signal::KILL);
        }
        let now = Instant::now();
        let alive = await_ends(&found, now + LOOK_AGAIN.min(end.saturating_duration_since(now)));
        ended += found.len() - alive.len();
        if !alive.is_empty() && Instant::now() >= end {
            return Err(LeftBehind { processes: alive.into_iter().map(name).collect(), ended });
        }
    }
}

fn name(process: &Found) -> (Pid, String) {
    let pid = Pid(process.pid.as_raw_nonzero().get().unsigned_abs());
    let program = processes::look(pid).ok().flatten().map_or_else(|| "?".to_owned(), |info| info.program);
    (pid, program)
}

/// The wanted processes of this user.
fn find(wanted: &Wanted<'_>) -> Vec<Found> {
    let Ok(pids) = proc::pids() else { return Vec::new() };
    let (me, parent, user) = (getpid(), getppid(), geteuid().as_raw());
    pids.into_iter()
        .filter(|pid| *pid != me && Some(*pid) != parent)
        .filter(|pid| stat(format!("/proc/{pid}")).is_ok_and(|found| found.st_uid == user))
        .filter(|pid| wanted.is(&proc::environment(*pid)))
        .filter_map(|pid| hold(pid, wanted))
        .take(AT_A_TIME)
        .collect()
}

/// Holds the process and then looks again: only now it is certain whose environment is read, unless it has ended, which the signal finds out.
fn hold(pid: RawPid, wanted: &Wanted<'_>) -> Option<Found> {
    let held = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return None,
        held => held.ok(),
    };
    wanted.is(&proc::environment(pid)).then_some(Found { pid, held })
}

/// Waits until all of these have ended, and returns those that have not when the time is over. A pidfd can be read from once its process has
/// ended, reaped or not (pidfd_open(2)).
fn await_ends(found: &[Found], until: Instant) -> Vec<&Found> {
    let (mut held, unheld): (Vec<_>, Vec<_>) = found.iter().partition(|process| process.held.is_some());
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if held.is_empty() && unheld.is_empty() || left.is_zero() {
            return held.into_iter().chain(unheld).collect();
        }
        let over = ended(&held, left);
        let mut over = over.into_iter();
        held.retain(|_| !over.next().unwrap_or(false));
    }
}

/// Waits until one of these has ended, no longer than this; whether each has.
fn ended(held: &[&Found], within: Duration) -> Vec<bool> {
    let fds = held.iter().filter_map(|process| process.held.as_ref());
    let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    let timeout = Timespec { tv_sec: 0, tv_nsec: within.subsec_nanos().into() };
    match poll(&mut fds, Some(&timeout)) {
        Ok(_) => fds.iter().map(|fd| !fd.revents().is_empty()).collect(),
        // Interrupted: none that it is known of.
        Err(_) => Vec::new(),
    }
}
