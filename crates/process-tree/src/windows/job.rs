//! Job objects: what is in one can be ended as one, whatever it has started (MSDN, "Job Objects").

use std::ffi::c_void;
use std::io;
use std::mem::size_of;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, IsProcessInJob, JOB_OBJECT_LIMIT_JOB_MEMORY,
    JOB_OBJECT_LIMIT_JOB_TIME, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcess, PROCESS_QUERY_INFORMATION};

use crate::child_command::ChildLimits;
use oneworker_protocol::machine::Pid;

/// What a process says that was ended with its job. Not 259 (STILL_ACTIVE).
const ENDED: u32 = 1;

/// A job. Whatever is in it ends when this is dropped, or this process ends in any way, since nobody else has a handle of it.
#[derive(Debug)]
pub(super) struct Job(OwnedHandle);

impl Job {
    /// A new one, whose processes can't leave it.
    pub(super) fn new(limits: &ChildLimits) -> io::Result<Self> {
        // SAFETY: no name and no security attributes: only the one handle, not inherited.
        let handle = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a handle that was made just now, for nobody else.
        let job = Self(unsafe { OwnedHandle::from_raw_handle(handle) });
        let mut information = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        let basic = &mut information.BasicLimitInformation;
        basic.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        if let Some(cpu) = limits.cpu {
            basic.LimitFlags |= JOB_OBJECT_LIMIT_JOB_TIME;
            basic.PerJobUserTimeLimit = i64::try_from(cpu.as_nanos() / 100).unwrap_or(i64::MAX);
        }
        if let Some(memory) = limits.memory {
            basic.LimitFlags |= JOB_OBJECT_LIMIT_JOB_MEMORY;
            information.JobMemoryLimit = usize::try_from(memory).unwrap_or(usize::MAX);
        }
        let size =
            u32::try_from(size_of::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>()).map_err(io::Error::other)?;
        let what = (&raw const information).cast::<c_void>();
        // SAFETY: an open handle, and a structure of the class and size that are named.
        check(unsafe { SetInformationJobObject(job.raw(), JobObjectExtendedLimitInformation, what, size) })?;
        Ok(job)
    }

    fn raw(&self) -> HANDLE {
        self.0.as_raw_handle()
    }

    /// Puts this process into it, and thereby all that it starts from now on.
    pub(super) fn take_this_process(&self) -> io::Result<()> {
        // SAFETY: an open handle, and the one that always means this process.
        check(unsafe { AssignProcessToJobObject(self.raw(), GetCurrentProcess()) })
    }

    /// Puts a process into it.
    pub(super) fn take(&self, process: &impl AsRawHandle) -> io::Result<()> {
        // SAFETY: open handles.
        check(unsafe { AssignProcessToJobObject(self.raw(), process.as_raw_handle()) })
    }

    /// Whether the process that has this pid now is in it.
    pub(super) fn has(&self, pid: Pid) -> bool {
        // SAFETY: a plain call.
        let handle = unsafe { OpenProcess(PROCESS_QUERY_INFORMATION, 0, pid.0) };
        if handle.is_null() {
            return false;
        }
        // SAFETY: a handle that was opened just now, for nobody else.
        let _process = unsafe { OwnedHandle::from_raw_handle(handle) };
        let mut is_in = 0;
        // SAFETY: open handles, and a pointer that is valid for the call.
        let asked = unsafe { IsProcessInJob(handle, self.raw(), &raw mut is_in) };
        asked != 0 && is_in != 0
    }

    /// Ends all that is in it.
    pub(super) fn end(&self) -> io::Result<()> {
        // SAFETY: an open handle.
        check(unsafe { TerminateJobObject(self.raw(), ENDED) })
    }
}

fn check(done: i32) -> io::Result<()> {
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
