//! Launching on Unix.
//!
//! ```text
//! session ──fork──▶ monitor (own session, async-signal-safe code only) ──fork──▶ worker (exec)
//!    ▲ ▲               │ exit status over a socket                                   │
//!    │ └───────────────┘                                                             │
//!    └──────────────── readiness over a pipe ◀───────────────────────────────────────┘
//! ```
//!
//! The monitor waits for the worker, hands on how it ended, and goes as soon as the session stops listening: when the worker is ready,
//! when the session gives up, or when it dies. The worker is then nobody's child but init's. The session reaps the monitor, which is
//! its own child, in the same call.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt;

use super::environment::environment;
use super::reports::Spoken;
use crate::descriptors::{close_all_but, close_on_exec_from};
use crate::{processes, readiness};
use oneworker_protocol::EnsureRequest;
use oneworker_protocol::machine::{Ending, LaunchError, LaunchEvent, Launched, Pid, ProcessIdentity};

/// How long the monitor may take to tell how the worker ended, once the worker's end of the readiness channel is closed.
const STATUS_PATIENCE: Duration = Duration::from_secs(1);

/// A worker on its way, and its monitor.
struct Watched {
    process: Option<ProcessIdentity>,
    log_start: u64,
    readiness: tokio::net::unix::pipe::Receiver,
    spoken: Spoken,
    monitor: tokio::net::UnixStream,
    child: Child,
}

pub(super) fn launch(request: &EnsureRequest) -> Result<Box<dyn Launched>, LaunchError> {
    let log_path = request.id().log_file();
    let log_error = |source| LaunchError::Log { path: log_path.display().to_string(), source };
    let no_process = |source| LaunchError::NoProcess { source };

    let log = open_log(&log_path).map_err(log_error)?;
    let log_start = log.metadata().map_err(log_error)?.len();
    // A container made from scratch may have none.
    let nothing = File::open("/dev/null")
        .map_err(|error| no_process(io::Error::new(error.kind(), format!("/dev/null: {error}"))))?;
    let (ready_out, ready_in) = io::pipe().map_err(no_process)?;
    let (ours, theirs) = UnixStream::pair().map_err(no_process)?;

    let channels = Channels {
        ready_out: ready_out.as_raw_fd(),
        ready_in: ready_in.as_raw_fd(),
        status: theirs.as_raw_fd(),
    };
    let mut command = Command::new(&request.launch().program);
    command
        .args(&request.launch().args)
        .env_clear()
        .envs(environment(request.launch()))
        .env(readiness::VARIABLE, channels.ready_in.to_string())
        .current_dir(request.id().state_dir())
        .stdin(nothing)
        .stdout(log.try_clone().map_err(log_error)?)
        .stderr(log);
    // SAFETY: `split` only makes system calls that are async-signal-safe, and allocates nothing.
    unsafe { command.pre_exec(move || split(channels)) };
    let child = command.spawn().map_err(|source| not_started(request, source))?;
    // Our copies of what the worker and the monitor hold: with them open, no end of file would ever come.
    drop((ready_in, theirs));

    watch(child, ours, ready_out.into(), log_start).map_err(no_process)
}

/// Whose fault it is that a program was not started (execve(2)).
fn not_started(request: &EnsureRequest, source: io::Error) -> LaunchError {
    let program = &request.launch().program;
    let programs_fault = |source| LaunchError::Program { program: program.display().to_string(), source };
    match source.kind() {
        _ if source.raw_os_error() == Some(libc::ENOEXEC) => {
            programs_fault(io::Error::new(source.kind(), "it is no program for this system and processor"))
        }
        // It is there, and so is the directory to start it in, so it is something else that is not.
        io::ErrorKind::NotFound if is_program(program) && request.id().state_dir().is_dir() => {
            programs_fault(io::Error::new(
                source.kind(),
                "its interpreter is missing: what its first line names, or the system's dynamic loader",
            ))
        }
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::ArgumentListTooLong
            if !is_program(program) =>
        {
            programs_fault(source)
        }
        _ => LaunchError::NoProcess { source },
    }
}

fn is_program(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let has_path = program.components().count() > 1;
    has_path
        && std::fs::metadata(program)
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn watch(
    child: Child,
    mut ours: UnixStream,
    ready: OwnedFd,
    log_start: u64,
) -> io::Result<Box<dyn Launched>> {
    // Written before the worker's exec, which `spawn` has waited for.
    let mut pid = [0; 4];
    ours.set_read_timeout(Some(STATUS_PATIENCE))?;
    ours.read_exact(&mut pid)?;
    ours.set_nonblocking(true)?;
    let pid = Pid(u32::from_ne_bytes(pid));
    let process = processes::look(pid).ok().flatten().map(|info| info.identity);
    Ok(Box::new(Watched {
        process,
        log_start,
        readiness: tokio::net::unix::pipe::Receiver::from_owned_fd(ready)?,
        spoken: Spoken::default(),
        monitor: tokio::net::UnixStream::from_std(ours)?,
        child,
    }))
}

fn open_log(path: &std::path::Path) -> io::Result<File> {
    if let Some(dir) = path.parent()
        && !dir.is_dir()
    {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
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
            let more = tokio::select! {
                biased;
                more = self.readiness.read_buf(&mut self.spoken.0) => more,
                // The monitor has seen it end: nothing more will come than what is there, even if a child of it keeps the pipe.
                _ = self.monitor.readable() => self.readiness.try_read_buf(&mut self.spoken.0),
            };
            if !matches!(more, Ok(n) if n > 0) || self.spoken.is_babble() {
                return LaunchEvent::Ended(self.ending().await);
            }
        }
    }
}

impl Watched {
    /// How the worker ended, as the monitor tells it.
    async fn ending(&mut self) -> Ending {
        let mut status = [0; 4];
        match tokio::time::timeout(STATUS_PATIENCE, self.monitor.read_exact(&mut status)).await {
            Ok(Ok(_)) => {
                let status = i32::from_ne_bytes(status);
                if libc::WIFEXITED(status) {
                    Ending::Exited(libc::WEXITSTATUS(status))
                } else if libc::WIFSIGNALED(status) {
                    Ending::Signalled(libc::WTERMSIG(status))
                } else {
                    Ending::Unknown
                }
            }
            _ => Ending::Unknown,
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // The monitor is our child and not yet reaped, so its pid means it and nobody else. It would go by itself on seeing the socket
        // closed; a kill makes the wait short. Where a sandbox forbids the kill, the closed socket does.
        let _ = self.child.kill();
        let _ = rustix::net::shutdown(&self.monitor, rustix::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}

/// The descriptors that the two forked processes need.
#[derive(Clone, Copy)]
struct Channels {
    ready_out: RawFd,
    ready_in: RawFd,
    status: RawFd,
}

/// Runs in the forked child, before exec: becomes the monitor, and returns only in the worker.
fn split(channels: Channels) -> io::Result<()> {
    // SAFETY: plain system calls on numbers; none allocates or takes a lock. The process is a fresh fork with one thread.
    unsafe {
        if libc::setsid() == -1 {
            return Err(io::Error::last_os_error());
        }
        libc::umask(0o077);
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                // The worker: nothing is inherited but the standard streams and the readiness channel. By flag and not by closing,
                // so that std can still report through its own descriptor that the program could not be executed.
                close_on_exec_from(3);
                if libc::fcntl(channels.ready_in, libc::F_SETFD, 0) == -1 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            }
            worker => monitor(worker, channels),
        }
    }
}

/// Waits for the worker until the session stops listening.
///
/// # Safety
/// Only in a fresh fork: closes every other descriptor of the process.
unsafe fn monitor(worker: libc::pid_t, channels: Channels) -> ! {
    // SAFETY: plain system calls, on descriptors and memory of this function alone.
    unsafe {
        close_all_but(channels.ready_out, channels.status);
        let pid = worker.to_ne_bytes();
        libc::write(channels.status, pid.as_ptr().cast(), pid.len());
        let mut gone = false;
        loop {
            let mut status = 0;
            if libc::waitpid(worker, &raw mut status, libc::WNOHANG) == worker {
                let status = status.to_ne_bytes();
                libc::write(channels.status, status.as_ptr().cast(), status.len());
                libc::_exit(0);
            }
            // The worker's end of the readiness channel closes when it dies, which wakes us at once. After it was closed for another
            // reason (the worker is ready), and where something else holds a copy, only the time-out is left.
            let mut fds = [
                libc::pollfd { fd: channels.status, events: libc::POLLIN, revents: 0 },
                libc::pollfd { fd: if gone { -1 } else { channels.ready_out }, events: 0, revents: 0 },
            ];
            libc::poll(fds.as_mut_ptr(), 2, if gone { 1 } else { 20 });
            if fds[0].revents != 0 {
                libc::_exit(0);
            }
            gone |= fds[1].revents != 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use oneworker_protocol::{LaunchCommand, WorkerId};

    /// A script whose interpreter is missing.
    const SCRIPT: &str = "script";

    fn dir() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join(SCRIPT);
        std::fs::write(&script, "#!/nowhere/interpreter\n").unwrap();
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        dir
    }

    fn request(dir: &Path, program: &str) -> EnsureRequest {
        let launch = LaunchCommand::new::<&str>(dir.join(program), []);
        let id = WorkerId::builder().state_dir(dir).version("1.0.0").build().unwrap();
        EnsureRequest::new(id, launch)
    }

    #[test]
    fn a_start_that_fails_is_laid_to_the_program_or_to_the_system() {
        let dir = dir();
        for (program, errno, said) in [
            ("none", libc::ENOENT, "cannot run"),
            (SCRIPT, libc::ENOENT, "its interpreter is missing"),
            (SCRIPT, libc::ENOEXEC, "no program for this system"),
            (SCRIPT, libc::EAGAIN, "cannot start a process"),
            (SCRIPT, libc::EPERM, "cannot start a process"),
        ] {
            let error =
                not_started(&request(dir.path(), program), io::Error::from_raw_os_error(errno)).to_string();
            assert!(error.contains(said), "{program} and {errno}: {error}");
        }
    }

    #[test]
    fn a_script_without_its_interpreter_says_so() {
        let dir = dir();
        let Err(error) = launch(&request(dir.path(), SCRIPT)) else { panic!("it was started") };
        assert!(error.to_string().contains("its interpreter is missing"), "{error}");
    }
}
