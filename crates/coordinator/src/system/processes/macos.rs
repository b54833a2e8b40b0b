use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent_timespec, kqueue};
use rustix::io::Errno;
use rustix::time::Timespec;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::identity;
use crate::machine::{
    Activity, Pid, ProcessIdentity, ProcessInfo, Signal, SignalOutcome, StartTime, Surroundings,
};
use crate::system::user;

const NO_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
/// Of `sys/proc_info.h`; the `libc` crate does not have it.
const PROC_FLAG_TRACED: u32 = 2;
/// The `arg` of `PROC_PIDTBSDINFO` by which the kernel shows zombies too (XNU, `proc_info.c`: `findzomb`).
const ZOMBIES_TOO: u64 = 1;

/// What proc_pidinfo(3) tells of a process; `None` if there is none.
///
/// # Safety
/// `T` must be the structure of that `flavor`, for which any bytes are valid.
unsafe fn pid_info<T>(pid: libc::c_int, flavor: libc::c_int, arg: u64) -> io::Result<Option<T>> {
    let mut info = MaybeUninit::<T>::zeroed();
    let size = libc::c_int::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the buffer is valid for the call and as long as is said.
    let written = unsafe { libc::proc_pidinfo(pid, flavor, arg, info.as_mut_ptr().cast(), size) };
    if written == size {
        // SAFETY: zeroed first and filled in completely; any bytes are valid, as the caller promises.
        return Ok(Some(unsafe { info.assume_init() }));
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ESRCH) => Ok(None),
        _ if written > 0 => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "proc_pidinfo gave an answer of an unknown size"))
        }
        _ => Err(error),
    }
}

pub(in crate::system) fn look(pid: Pid) -> io::Result<Option<ProcessInfo>> {
    // Pid 0 is the kernel, and larger numbers are no pids.
    let Some(number) = i32::try_from(pid.0).ok().filter(|number| *number > 0) else { return Ok(None) };
    // SAFETY: this flavor's structure, which consists of numbers.
    let info = unsafe { pid_info::<libc::proc_bsdinfo>(number, libc::PROC_PIDTBSDINFO, ZOMBIES_TOO) }?;
    let Some(info) = info else { return Ok(None) };
    let start =
        StartTime(info.pbi_start_tvsec.saturating_mul(1_000_000).saturating_add(info.pbi_start_tvusec));
    let traced = info.pbi_flags & PROC_FLAG_TRACED != 0;
    let activity = match info.pbi_status {
        libc::SZOMB => Activity::Zombie,
        libc::SSTOP if traced => Activity::Traced,
        libc::SSTOP => Activity::Stopped,
        _ => Activity::Alive,
    };
    Ok(Some(ProcessInfo {
        identity: identity(pid, start),
        activity,
        // ptrace(2) makes the debugger the parent for as long as it is attached.
        traced_by: traced.then_some(Pid(info.pbi_ppid)),
        cpu_time: cpu_time(number),
        // macOS tells nothing of the time a thread waited for a CPU.
        starved: Duration::ZERO,
        program: name(&info.pbi_name).or_else(|| name(&info.pbi_comm)).unwrap_or_else(|| "?".to_owned()),
    }))
}

/// Zero for a zombie, whose times went to its parent.
fn cpu_time(pid: libc::c_int) -> Duration {
    // SAFETY: this flavor's structure, which consists of numbers.
    let info = unsafe { pid_info::<libc::proc_taskinfo>(pid, libc::PROC_PIDTASKINFO, 0) };
    let Ok(Some(info)) = info else { return Duration::ZERO };
    let (nanos, ticks) = timebase();
    let used = u128::from(info.pti_total_user) + u128::from(info.pti_total_system);
    Duration::from_nanos(u64::try_from(used * u128::from(nanos) / u128::from(ticks)).unwrap_or(u64::MAX))
}

/// Nanoseconds for a number of ticks: `pti_total_user` and `pti_total_system` are in Mach's ticks, which are nanoseconds on Intel
/// only (Technical Q&A QA1398).
fn timebase() -> (u32, u32) {
    static TIMEBASE: OnceLock<(u32, u32)> = OnceLock::new();
    // The `libc` crate would have a whole crate used for these two numbers.
    #[allow(deprecated)]
    *TIMEBASE.get_or_init(|| {
        let mut base = libc::mach_timebase_info { numer: 0, denom: 0 };
        // SAFETY: the pointer is valid for the call.
        let failed = unsafe { libc::mach_timebase_info(&raw mut base) } != 0;
        if failed || base.denom == 0 { (1, 1) } else { (base.numer, base.denom) }
    })
}

/// The text before the first zero, if it is not empty.
fn name(bytes: &[libc::c_char]) -> Option<String> {
    let text: Vec<u8> =
        bytes.iter().take_while(|byte| **byte != 0).map(|byte| byte.cast_unsigned()).collect();
    (!text.is_empty()).then(|| String::from_utf8_lossy(&text).into_owned())
}

/// macOS has no handle that means one process for as long as it is held. So the process is compared, and signalled with the very next
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

/// Returns at once where there is no notice, or where the pid is another's by now.
pub(super) async fn notice_of_end(process: &ProcessIdentity) {
    let Some(queue) = exits_of(process.pid) else { return };
    if !super::lives(process) {
        return;
    }
    // SAFETY: the descriptor is owned by what is registered, and stays open for as long.
    let registered = unsafe { AsyncFd::register_with_interest(queue, Interest::READABLE) };
    if let Ok(registered) = registered {
        let _ = registered.readable().await;
    }
}

/// A queue that has an event once the process exits (kqueue(2): `EVFILT_PROC`, `NOTE_EXIT`). It can itself be waited for, like a socket.
fn exits_of(pid: Pid) -> Option<OwnedFd> {
    let pid = i32::try_from(pid.0).ok().and_then(rustix::process::Pid::from_raw)?;
    let filter = EventFilter::Proc { pid, flags: ProcessEvents::EXIT };
    let watched = Event::new(filter, EventFlags::ADD | EventFlags::ONESHOT, std::ptr::null_mut());
    let queue = kqueue().ok()?;
    let mut none: [Event; 0] = [];
    // SAFETY: the event names no descriptor that could be closed meanwhile.
    unsafe { kevent_timespec(&queue, &[watched], &mut none, Some(&NO_TIME)) }.ok()?;
    Some(queue)
}

pub(super) fn surroundings() -> Surroundings {
    Surroundings {
        host: host(),
        user: user::id(),
        pid_namespace: String::new(),
        net_namespace: String::new(),
    }
}

/// gethostuuid(2), which no two machines share; without it, the host's name.
fn host() -> String {
    let mut id = [0_u8; 16];
    let patience = libc::timespec { tv_sec: 1, tv_nsec: 0 };
    // SAFETY: the call writes 16 bytes to the first pointer and reads the second.
    if unsafe { libc::gethostuuid(id.as_mut_ptr(), &raw const patience) } == 0 {
        return format!("{:032x}", u128::from_be_bytes(id));
    }
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_alive_and_a_free_pid_is_not() {
        let me = look(Pid(std::process::id())).unwrap().unwrap();
        assert_eq!(me.activity, Activity::Alive);
        assert!(me.identity.start_time.0 > 0);
        assert_eq!(look(Pid(u32::MAX)).unwrap(), None);
    }

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
