//! Launching on Windows.
//!
//! ```text
//! session ──CreateProcess──▶ worker
//!    ▲ ▲                        │ │
//!    │ └── readiness: a pipe ───┘ │
//!    └──── exit status: the handle of the process
//! ```
//!
//! No process in between is needed: a process is nobody's zombie here, its handle tells how it ended, and nothing ends it together with
//! the one that started it, except a *job* whose members all end with it. Terminals, editors and CI put sessions into such jobs, so the
//! worker is started outside of its session's, where the job allows it. Where it does not, the worker ends with the job, and the next
//! session launches another.
//!
//! The pipe is a named one, since only those can be waited for without a thread; its name is random, and it has one instance, which is
//! taken before the worker starts.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_BAD_EXE_FORMAT, ERROR_ELEVATION_REQUIRED, ERROR_EXE_MACHINE_TYPE_MISMATCH,
};
use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_OPEN_REPARSE_POINT;
use windows_sys::Win32::System::Threading::{
    CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW,
};

use super::environment::environment;
use super::reports::Spoken;
use crate::inheritance::StandardHandles;
use crate::{processes, random, readiness};
use oneworker_protocol::EnsureRequest;
use oneworker_protocol::machine::{Ending, LaunchError, LaunchEvent, Launched, Pid, ProcessIdentity};

/// How long the other end of what was seen may take: the process' end once the channel is closed, the channel's once the process has ended.
const PATIENCE: Duration = Duration::from_secs(1);

/// A console, so that the worker's console programs open no window of their own, but none to be seen; a process group of its own, so that
/// the session's Ctrl-C does not reach it (MSDN, "Process Creation Flags").
const DETACHED: u32 = CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP;

/// A worker on its way.
struct Watched {
    process: Option<ProcessIdentity>,
    log_start: u64,
    readiness: NamedPipeServer,
    connected: bool,
    spoken: Spoken,
    child: tokio::process::Child,
    /// How it ended, once that was seen.
    ending: Option<Ending>,
}

pub(super) fn launch(request: &EnsureRequest) -> Result<Box<dyn Launched>, LaunchError> {
    let log_path = request.id().log_file();
    let log_error = |source| LaunchError::Log { path: log_path.display().to_string(), source };
    let no_process = |source| LaunchError::NoProcess { source };

    let log = open_log(&log_path).map_err(log_error)?;
    let log_start = log.metadata().map_err(log_error)?.len();
    let (readiness, theirs) = channel().map_err(no_process)?;

    let mut command = Command::new(&request.launch().program);
    command
        .args(&request.launch().args)
        .env_clear()
        .envs(environment(request.launch()))
        .env(readiness::VARIABLE, "1")
        .current_dir(request.id().state_dir())
        .stdin(Stdio::null())
        .stdout(theirs)
        .stderr(log);
    let mut command = tokio::process::Command::from(command);
    let child = spawn(&mut command).map_err(|source| {
        if is_programs_fault(&source) {
            LaunchError::Program { program: request.launch().program.display().to_string(), source }
        } else {
            LaunchError::NoProcess { source }
        }
    })?;
    // Our copy of the worker's end: with it open, no end of file would ever come.
    drop(command);

    let process =
        child.id().and_then(|pid| processes::look(Pid(pid)).ok().flatten()).map(|info| info.identity);
    Ok(Box::new(Watched {
        process,
        log_start,
        readiness,
        connected: false,
        spoken: Spoken::default(),
        child,
        ending: None,
    }))
}

/// The session's end of a pipe, and the worker's.
fn channel() -> io::Result<(NamedPipeServer, File)> {
    let mut name = [0; 16];
    random::fill(&mut name)?;
    let name = format!(r"\\.\pipe\oneworker-{}-{:032x}", std::process::id(), u128::from_ne_bytes(name));
    // Whoever has made a pipe of this name before would get the worker's reports.
    let ours = ServerOptions::new()
        .access_inbound(true)
        .access_outbound(false)
        .first_pipe_instance(true)
        .max_instances(1)
        .reject_remote_clients(true)
        .create(&name)?;
    let theirs = OpenOptions::new().write(true).open(&name)?;
    Ok((ours, theirs))
}

fn spawn(command: &mut tokio::process::Command) -> io::Result<tokio::process::Child> {
    let _not_inherited = StandardHandles::keep();
    match command.creation_flags(DETACHED | CREATE_BREAKAWAY_FROM_JOB).spawn() {
        // The session is in a job that lets nobody out (JOB_OBJECT_LIMIT_BREAKAWAY_OK is missing).
        Err(error) if code(&error) == Some(ERROR_ACCESS_DENIED) => command.creation_flags(DETACHED).spawn(),
        spawned => spawned,
    }
}

fn code(error: &io::Error) -> Option<u32> {
    error.raw_os_error().map(i32::cast_unsigned)
}

fn is_programs_fault(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput)
        || matches!(
            code(error),
            Some(ERROR_BAD_EXE_FORMAT | ERROR_EXE_MACHINE_TYPE_MISMATCH | ERROR_ELEVATION_REQUIRED)
        )
}

fn open_log(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let log =
        OpenOptions::new().append(true).create(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)?;
    if !log.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file"));
    }
    Ok(log)
}

#[async_trait]
impl Launched for Watched {
    fn process(&self) -> Option<ProcessIdentity> {
        self.process.clone()
    }

    fn log_start(&self) -> u64 {
        self.log_start
    }

    async fn next(&mut self) -> LaunchEvent {
        loop {
            if let Some(report) = self.spoken.next_report() {
                return LaunchEvent::Report(report);
            }
            match self.read().await {
                Ok(n) if n > 0 && !self.spoken.is_babble() => {}
                _ => return LaunchEvent::Ended(self.ending().await),
            }
        }
    }
}

impl Watched {
    /// Reads some more of what the worker says; nothing more will come when it has ended, even if a child of it keeps the pipe. Cancelling
    /// loses nothing.
    async fn read(&mut self) -> io::Result<usize> {
        if !self.connected {
            // It is, since before the worker was started; this only tells the pipe so, without which it never reads.
            self.readiness.connect().await?;
            self.connected = true;
        }
        if self.ending.is_none() {
            tokio::select! {
                biased;
                read = self.readiness.read_buf(&mut self.spoken.0) => return read,
                status = self.child.wait() => {
                    self.ending = Some(status.ok().and_then(|status| status.code()).map_or(Ending::Unknown, Ending::Exited));
                }
            }
        }
        // Its last words may still be in the pipe.
        tokio::time::timeout(PATIENCE, self.readiness.read_buf(&mut self.spoken.0)).await.unwrap_or(Ok(0))
    }

    async fn ending(&mut self) -> Ending {
        if let Some(ending) = self.ending {
            return ending;
        }
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) => status.code().map_or(Ending::Unknown, Ending::Exited),
            // It has closed its standard output, and lives on.
            _ => Ending::Unknown,
        }
    }
}
