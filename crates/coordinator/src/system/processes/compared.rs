//! Signals, where the system knows processes by their numbers only.

use std::io;

use rustix::io::Errno;

use super::imp::look;
use crate::machine::{ProcessIdentity, Signal, SignalOutcome};

/// These systems have no handle that means one process of somebody else for as long as it is held. So the process is compared, and signalled with the very next
/// system call: the gap in which its pid could get another owner is a few instructions long, and pids are given out in turn.
pub(in crate::system) fn signal(target: &ProcessIdentity, signal: Signal) -> io::Result<SignalOutcome> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Pid, StartTime};

    #[test]
    fn a_pid_with_another_start_time_is_not_signalled() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid(child.id());
        let real = look(pid).unwrap().unwrap().identity;
        let reused = ProcessIdentity { start_time: StartTime(real.start_time.0 + 1), ..real.clone() };
        assert_eq!(signal(&reused, Signal::Kill).unwrap(), SignalOutcome::Gone);
        assert!(child.try_wait().unwrap().is_none(), "a stranger was killed");
        assert_eq!(signal(&real, Signal::Kill).unwrap(), SignalOutcome::Sent);
        child.wait().unwrap();
        assert_eq!(signal(&real, Signal::Kill).unwrap(), SignalOutcome::Gone);
    }
}
