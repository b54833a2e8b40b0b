use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER, FILETIME, HANDLE, INVALID_HANDLE_VALUE, WAIT_OBJECT_0,
};
use windows_sys::Win32::System::Diagnostics::Debug::CheckRemoteDebuggerPresent;
use windows_sys::Win32::System::Threading::{
    GetProcessId, GetProcessTimes, INFINITE, OpenProcess, PROCESS_ACCESS_RIGHTS, PROCESS_NAME_WIN32,
    PROCESS_QUERY_INFORMATION, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE,
    QueryFullProcessImageNameW, RegisterWaitForSingleObject, TerminateProcess, UnregisterWaitEx,
    WT_EXECUTEONLYONCE, WaitForSingleObject,
};

use super::identity::{identity, lives, without_namespaces};
use crate::registry;
use oneworker_protocol::machine::{
    Activity, Pid, ProcessIdentity, ProcessInfo, Signal, SignalOutcome, StartTime, Surroundings,
};

/// What a process that was killed by us says to whoever waits for it. Not 259 (STILL_ACTIVE).
const KILLED: u32 = 1;

/// A process that is held: as long as the handle is open, its pid is not given out again (MSDN, "Process Handles and Identifiers").
struct Held(OwnedHandle);

impl Held {
    /// Opens the process that has this pid now; `None` if there is none.
    fn open(pid: Pid, rights: PROCESS_ACCESS_RIGHTS) -> io::Result<Option<Self>> {
        // SAFETY: a plain call.
        let handle = unsafe { OpenProcess(rights, 0, pid.0) };
        if handle.is_null() {
            let error = io::Error::last_os_error();
            return if is(&error, ERROR_INVALID_PARAMETER) { Ok(None) } else { Err(error) };
        }
        // SAFETY: a handle that was opened just now, for nobody else.
        let held = Self(unsafe { OwnedHandle::from_raw_handle(handle) });
        // Pids are multiples of four, and OpenProcess ignores the two lowest bits: 4243 would open 4240.
        // SAFETY: an open handle.
        let opened = unsafe { GetProcessId(held.0.as_raw_handle()) };
        Ok((opened == pid.0).then_some(held))
    }

    /// Whether it has ended. Its object stays as long as anybody holds a handle. The exit code does not tell for sure: 259 may be one.
    fn has_ended(&self) -> bool {
        // SAFETY: an open handle, and no waiting.
        unsafe { WaitForSingleObject(self.0.as_raw_handle(), 0) == WAIT_OBJECT_0 }
    }

    /// When it started, and the CPU time it has used.
    fn times(&self) -> io::Result<(StartTime, Duration)> {
        let none = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
        let (mut created, mut ended, mut kernel, mut user) = (none, none, none, none);
        let handle = self.0.as_raw_handle();
        // SAFETY: an open handle, and pointers that are valid for the call.
        let done = unsafe {
            GetProcessTimes(handle, &raw mut created, &raw mut ended, &raw mut kernel, &raw mut user)
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        let used = hundreds(kernel).saturating_add(hundreds(user));
        Ok((StartTime(hundreds(created)), Duration::from_nanos(used.saturating_mul(100))))
    }

    /// The file name of its program.
    fn program(&self) -> Option<String> {
        // The longest path that Windows knows.
        let mut path = vec![0_u16; 32_768];
        let mut len = u32::try_from(path.len()).ok()?;
        let handle = self.0.as_raw_handle();
        // SAFETY: an open handle, and a buffer that is as long as `len` says.
        let done = unsafe {
            QueryFullProcessImageNameW(handle, PROCESS_NAME_WIN32, path.as_mut_ptr(), &raw mut len)
        };
        if done == 0 {
            return None;
        }
        let path = PathBuf::from(OsString::from_wide(path.get(..usize::try_from(len).ok()?)?));
        Some(path.file_name()?.to_string_lossy().into_owned())
    }

    /// Whether a debugger is attached to it.
    fn is_debugged(&self) -> bool {
        let mut debugged = 0;
        // SAFETY: an open handle, and a pointer that is valid for the call.
        unsafe { CheckRemoteDebuggerPresent(self.0.as_raw_handle(), &raw mut debugged) != 0 && debugged != 0 }
    }
}

/// The 100 ns units of a FILETIME.
fn hundreds(time: FILETIME) -> u64 {
    u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error().map(i32::cast_unsigned) == Some(code)
}

pub fn look(pid: Pid) -> io::Result<Option<ProcessInfo>> {
    let limited = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
    // The full right, which a debugger's presence is told for, is not had of an elevated process.
    let held = match Held::open(pid, limited | PROCESS_QUERY_INFORMATION) {
        Err(error) if is(&error, ERROR_ACCESS_DENIED) => Held::open(pid, limited),
        opened => opened,
    };
    let Some(held) = held? else { return Ok(None) };
    let (start_time, cpu_time) = held.times()?;
    Ok(Some(ProcessInfo {
        identity: identity(pid, start_time),
        // Whether all of its threads are suspended can't be asked of a process; such a one shows as alive and silent.
        activity: if held.has_ended() { Activity::Zombie } else { Activity::Alive },
        // Windows does not say who: 0, which is nobody's pid.
        traced_by: held.is_debugged().then_some(Pid(0)),
        cpu_time,
        starved: Duration::ZERO,
        program: held.program().unwrap_or_else(|| "?".to_owned()),
    }))
}

pub(super) fn signal(target: &ProcessIdentity, signal: Signal) -> io::Result<SignalOutcome> {
    let rights = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
    let rights = if signal == Signal::Kill { rights | PROCESS_TERMINATE } else { rights };
    let Some(held) = Held::open(target.pid, rights)? else { return Ok(SignalOutcome::Gone) };
    // From here on the handle means one process; whether it is the right one is compared after it was opened.
    if held.has_ended() || identity(target.pid, held.times()?.0) != *target {
        return Ok(SignalOutcome::Gone);
    }
    match signal {
        // A process without a console gets no events, and none can be told to go on: the request over its port is all there is.
        Signal::Terminate | Signal::Continue => Ok(SignalOutcome::Sent),
        Signal::Kill => {
            // SAFETY: an open handle with the right to end the process.
            if unsafe { TerminateProcess(held.0.as_raw_handle(), KILLED) } != 0 {
                return Ok(SignalOutcome::Sent);
            }
            let error = io::Error::last_os_error();
            // One that is ending already can't be ended: ERROR_ACCESS_DENIED (MSDN, TerminateProcess).
            if held.has_ended() { Ok(SignalOutcome::Gone) } else { Err(error) }
        }
    }
}

/// A handle to the process is waited for by a thread of the system's pool (MSDN, `RegisterWaitForSingleObject`). Returns at once where there is none, or
/// where the pid is another's by now.
pub(super) async fn notice_of_end(process: &ProcessIdentity) {
    let Ok(Some(held)) = Held::open(process.pid, PROCESS_SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION)
    else {
        return;
    };
    if !lives(process, look(process.pid)) {
        return;
    }
    let ended = Arc::new(Notify::new());
    if let Ok(_wait) = Wait::begin(held, &ended) {
        ended.notified().await;
    }
}

/// A wait of the system's pool, until it is dropped.
struct Wait {
    handle: HANDLE,
    /// What is waited for, and who is told: there for as long as the wait is.
    _held: Held,
    _ended: Arc<Notify>,
}

// SAFETY: a wait handle may be used by any thread.
unsafe impl Send for Wait {}

impl Wait {
    fn begin(held: Held, ended: &Arc<Notify>) -> io::Result<Self> {
        let (mut handle, object) = (std::ptr::null_mut(), held.0.as_raw_handle());
        let context = Arc::as_ptr(ended).cast();
        // SAFETY: an open handle, and what the callback is given lives until the wait is over, which `drop` sees to.
        let begun = unsafe {
            RegisterWaitForSingleObject(
                &raw mut handle,
                object,
                Some(tell),
                context,
                INFINITE,
                WT_EXECUTEONLYONCE,
            )
        };
        if begun == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { handle, _held: held, _ended: Arc::clone(ended) })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        // SAFETY: a wait that was begun and not ended. `INVALID_HANDLE_VALUE` has the call wait for a callback that is running: it only sets a flag.
        unsafe { UnregisterWaitEx(self.handle, INVALID_HANDLE_VALUE) };
    }
}

/// Called by a thread of the pool.
unsafe extern "system" fn tell(ended: *mut std::ffi::c_void, _timed_out: bool) {
    // SAFETY: `Wait` keeps what it points to until no call is running.
    let ended = unsafe { &*ended.cast::<Notify>() };
    ended.notify_one();
}

pub(super) fn surroundings() -> Surroundings {
    without_namespaces(host())
}

/// The GUID that the setup gives each installation; where it may not be read, the machine's name.
fn host() -> String {
    registry::text(r"SOFTWARE\Microsoft\Cryptography", "MachineGuid")
        .unwrap_or_else(|| std::env::var("COMPUTERNAME").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_named_by_its_file_and_the_lowest_bits_of_a_pid_are_not_ignored() {
        let pid = Pid(std::process::id());
        let me = look(pid).unwrap().unwrap();
        assert!(me.program.ends_with(".exe"), "{}", me.program);
        assert_eq!(look(Pid(pid.0 + 1)).unwrap(), None, "the lowest bits of a pid were ignored");
    }
}
