//! Starting a process that is in its job before it runs.

use std::io::{self, PipeWriter};
use std::os::windows::io::{FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use windows_sys::Win32::Foundation::{
    ERROR_BAD_EXE_FORMAT, ERROR_ELEVATION_REQUIRED, ERROR_EXE_MACHINE_TYPE_MISMATCH, HANDLE,
    INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::System::Console::GetConsoleCP;
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::Threading::{
    ABOVE_NORMAL_PRIORITY_CLASS, BELOW_NORMAL_PRIORITY_CLASS, CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW,
    CREATE_SUSPENDED, HIGH_PRIORITY_CLASS, IDLE_PRIORITY_CLASS, OpenThread, ResumeThread,
    THREAD_SUSPEND_RESUME,
};

use super::job::Job;
use crate::child_command::ChildCommand;
use crate::spawn_error::SpawnError;
use oneworker_system::inheritance::StandardHandles;
use oneworker_system::readiness;

/// Starts it in `job`. Not for an instant does anything of it run outside.
pub(super) fn start(command: &ChildCommand, output: PipeWriter, job: &Job) -> Result<Child, SpawnError> {
    let no_process = |source| SpawnError::NoProcess { source };
    if command.limits.open_files.is_some() {
        let source = io::ErrorKind::Unsupported.into();
        return Err(SpawnError::NotPermitted { what: "a limit of open files", source });
    }
    if !command.directory.is_dir() {
        let source = io::ErrorKind::NotFound.into();
        return Err(SpawnError::Directory { directory: command.directory.display().to_string(), source });
    }
    let errors = output.try_clone().map_err(no_process)?;
    let mut prepared = Command::new(&command.program);
    prepared
        .args(&command.args)
        .env_clear()
        .envs(command.env.iter().filter(|(name, _)| name != readiness::VARIABLE).cloned())
        .current_dir(&command.directory)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .creation_flags(CREATE_SUSPENDED | CREATE_NEW_PROCESS_GROUP | console() | priority(command.nice));
    let spawned = {
        let _not_inherited = StandardHandles::keep();
        prepared.spawn()
    };
    let mut child = spawned.map_err(|source| explain(&command.program, source))?;
    let running = job.take(&child).and_then(|()| resume(child.id()));
    if let Err(source) = running {
        // It has not run yet.
        let _ = child.kill();
        let _ = child.wait();
        return Err(no_process(source));
    }
    Ok(child)
}

/// In this process' console, so that it can be told to end (Ctrl-Break); where there is none, in one that is not seen.
fn console() -> u32 {
    // SAFETY: a plain call. 0: no console.
    if unsafe { GetConsoleCP() } == 0 { CREATE_NO_WINDOW } else { 0 }
}

/// The priority class that is nearest to a nice value.
fn priority(nice: Option<i32>) -> u32 {
    match nice {
        None | Some(0) => 0,
        Some(15..) => IDLE_PRIORITY_CLASS,
        Some(1..) => BELOW_NORMAL_PRIORITY_CLASS,
        Some(-14..) => ABOVE_NORMAL_PRIORITY_CLASS,
        Some(_) => HIGH_PRIORITY_CLASS,
    }
}

fn explain(program: &Path, source: io::Error) -> SpawnError {
    let program = program.display().to_string();
    match (source.kind(), source.raw_os_error().map(i32::cast_unsigned)) {
        (io::ErrorKind::NotFound, _) => SpawnError::NoSuchProgram { program },
        (io::ErrorKind::InvalidInput, None) => {
            SpawnError::Malformed { what: "an argument or a variable".to_owned() }
        }
        (io::ErrorKind::PermissionDenied, _)
        | (_, Some(ERROR_BAD_EXE_FORMAT | ERROR_EXE_MACHINE_TYPE_MISMATCH | ERROR_ELEVATION_REQUIRED)) => {
            SpawnError::NotExecutable { program, source }
        }
        _ => SpawnError::NoProcess { source },
    }
}

/// Lets a process run that was started suspended: it has one thread, which std has no handle of to give (rust-lang/rust#96723).
fn resume(pid: u32) -> io::Result<()> {
    // SAFETY: a plain call.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a handle that was made just now, for nobody else.
    let _snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    let mut entry = THREADENTRY32 {
        dwSize: u32::try_from(size_of::<THREADENTRY32>()).map_err(io::Error::other)?,
        ..THREADENTRY32::default()
    };
    // SAFETY: an open handle, and an entry that says its size.
    let mut more = unsafe { Thread32First(snapshot, &raw mut entry) };
    while more != 0 {
        if entry.th32OwnerProcessID == pid {
            return resume_thread(entry.th32ThreadID);
        }
        // SAFETY: as above.
        more = unsafe { Thread32Next(snapshot, &raw mut entry) };
    }
    Err(io::Error::other("the process that was started has no thread"))
}

fn resume_thread(thread: u32) -> io::Result<()> {
    // SAFETY: a plain call.
    let thread: HANDLE = unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, thread) };
    if thread.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a handle that was opened just now, for nobody else.
    let _thread = unsafe { OwnedHandle::from_raw_handle(thread) };
    // SAFETY: an open handle with this right.
    if unsafe { ResumeThread(thread) } == u32::MAX { Err(io::Error::last_os_error()) } else { Ok(()) }
}
