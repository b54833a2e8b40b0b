use std::io;
use std::mem::{MaybeUninit, size_of};
use std::ptr;
use std::time::Duration;

use super::identity::{identity, without_namespaces};
use super::{compared, exits};
use crate::sysctl;
use oneworker_protocol::machine::{
    Activity, Pid, ProcessIdentity, ProcessInfo, Signal, SignalOutcome, StartTime, Surroundings,
};

/// `KERN_PROC_PID` of sysctl(3).
pub fn look(pid: Pid) -> io::Result<Option<ProcessInfo>> {
    // Pid 0 is the kernel, and larger numbers are no pids.
    let Some(number) = i32::try_from(pid.0).ok().filter(|number| *number > 0) else { return Ok(None) };
    let mut name = [libc::CTL_KERN, libc::KERN_PROC, libc::KERN_PROC_PID, number];
    let mut info = MaybeUninit::<libc::kinfo_proc>::zeroed();
    let mut size = size_of::<libc::kinfo_proc>();
    // SAFETY: the name has four parts, and the kernel writes at most `size` bytes to the buffer, which has that many.
    let failed = unsafe {
        libc::sysctl(name.as_mut_ptr(), 4, info.as_mut_ptr().cast(), &raw mut size, ptr::null_mut(), 0)
    };
    if failed != 0 {
        let error = io::Error::last_os_error();
        return if error.raw_os_error() == Some(libc::ESRCH) { Ok(None) } else { Err(error) };
    }
    // SAFETY: zeroed first; the structure consists of numbers, texts and pointers that are not followed, for which any bytes are valid.
    let info = unsafe { info.assume_init() };
    if size != size_of::<libc::kinfo_proc>() || info.ki_pid != number {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the kernel describes processes in another way",
        ));
    }
    let traced = info.ki_flag & libc::c_long::from(libc::P_TRACED) != 0;
    let activity = match info.ki_stat {
        libc::SZOMB => Activity::Zombie,
        libc::SSTOP if traced => Activity::Traced,
        libc::SSTOP => Activity::Stopped,
        _ => Activity::Alive,
    };
    let start = Duration::new(
        info.ki_start.tv_sec.unsigned_abs(),
        u32::try_from(info.ki_start.tv_usec).unwrap_or(0).saturating_mul(1000),
    );
    let program: Vec<u8> =
        info.ki_comm.iter().take_while(|byte| **byte != 0).map(|byte| byte.cast_unsigned()).collect();
    Ok(Some(ProcessInfo {
        identity: identity(pid, StartTime(u64::try_from(start.as_micros()).unwrap_or(u64::MAX))),
        activity,
        traced_by: traced.then_some(info.ki_tracer).and_then(|tracer| u32::try_from(tracer).ok()).map(Pid),
        cpu_time: Duration::from_micros(info.ki_runtime),
        // FreeBSD tells nothing of the time a thread waited for a CPU.
        starved: Duration::ZERO,
        program: String::from_utf8_lossy(&program).into_owned(),
    }))
}

pub(super) fn surroundings() -> Surroundings {
    without_namespaces(host())
}

/// `kern.hostuuid`, which a jail may have its own of; without it, the host's name.
fn host() -> String {
    sysctl::text(c"kern.hostuuid")
        .unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}

/// Signals exactly this process.
pub(super) fn signal(target: &ProcessIdentity, signal: Signal) -> io::Result<SignalOutcome> {
    compared::signal(target, signal, look)
}

/// Returns when the process has ended, or at once if the system gives no notice.
pub(super) async fn notice_of_end(process: &ProcessIdentity) {
    exits::notice_of_end(process, look).await;
}
