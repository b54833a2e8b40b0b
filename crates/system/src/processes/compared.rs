//! Signals, where the system knows processes by their numbers only.

use std::io;

use rustix::io::Errno;

use oneworker_protocol::machine::{Pid, ProcessIdentity, ProcessInfo, Signal, SignalOutcome};

/// These systems have no handle that means one process of somebody else for as long as it is held. So the process is compared, and signalled with the very next
/// system call: the gap in which its pid could get another owner is a few instructions long, and pids are given out in turn.
pub(super) fn signal(
    target: &ProcessIdentity,
    signal: Signal,
    look: impl Fn(Pid) -> io::Result<Option<ProcessInfo>>,
) -> io::Result<SignalOutcome> {
    let signal = match signal {
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Continue => rustix::process::Signal::CONT,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    let Some(pid) = i32::try_from(target.pid.0).ok().and_then(rustix::process::Pid::from_raw) else {
        return Ok(SignalOutcome::Gone);
    };
    if !look(target.pid)?.is_some_and(|now| now.identity == *target) {
        return Ok(SignalOutcome::Gone);
    }
    match rustix::process::kill_process(pid, signal) {
        Ok(()) => Ok(SignalOutcome::Sent),
        Err(Errno::SRCH) => Ok(SignalOutcome::Gone),
        Err(error) => Err(error.into()),
    }
}
