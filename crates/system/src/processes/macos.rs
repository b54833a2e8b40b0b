use std::io;
use std::mem::{MaybeUninit, size_of};
use std::sync::OnceLock;
use std::time::Duration;

use super::identity::{identity, without_namespaces};
use super::{compared, exits};
use oneworker_protocol::machine::{
    Activity, Pid, ProcessIdentity, ProcessInfo, Signal, SignalOutcome, StartTime, Surroundings,
};

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

pub fn look(pid: Pid) -> io::Result<Option<ProcessInfo>> {
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

pub(super) fn surroundings() -> Surroundings {
    without_namespaces(host())
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

/// Signals exactly this process.
pub fn signal(target: &ProcessIdentity, signal: Signal) -> io::Result<SignalOutcome> {
    compared::signal(target, signal, look)
}

/// Returns when the process has ended, or at once if the system gives no notice.
pub(super) async fn notice_of_end(process: &ProcessIdentity) {
    exits::notice_of_end(process, look).await;
}
