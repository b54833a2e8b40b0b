//! What is made ready before the fork, since nothing may be allocated after it.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, PipeWriter};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit};

use crate::child_command::{ChildCommand, ChildLimits};
use crate::spawn_error::SpawnError;
use oneworker_system::readiness;

/// The first descriptor that is passed (sd_listen_fds(3), `SD_LISTEN_FDS_START`).
pub(super) const FIRST_PASSED: RawFd = 3;

/// Where a program without a path is looked for if there is no `PATH`, as execvp(3) does.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Not for the child, whoever set them: it has no readiness channel, and passed sockets are told anew.
const NEVER: &[&str] = &[readiness::VARIABLE, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"];

/// A command, in the form in which system calls take it.
pub(super) struct Prepared {
    pub(super) program: CString,
    pub(super) args: Vec<CString>,
    pub(super) env: Vec<CString>,
    pub(super) directory: CString,
    pub(super) umask: u32,
    pub(super) nice: Option<i32>,
    pub(super) limits: Vec<Limit>,
    pub(super) stdin: OwnedFd,
    pub(super) output: OwnedFd,
    pub(super) sockets: Vec<OwnedFd>,
}

/// A limit, and what to call it.
pub(super) struct Limit {
    pub(super) resource: Resource,
    pub(super) most: Rlimit,
    pub(super) name: &'static str,
}

impl Prepared {
    /// All descriptors are copies with numbers above those that the child shall see them as, so that none is overwritten before it was used.
    pub(super) fn new(command: &ChildCommand, output: PipeWriter) -> Result<Self, SpawnError> {
        let program = find(command)?;
        let arg = |arg: &OsStr| text(arg.as_bytes(), || format!("the argument {arg:?}"));
        let args = std::iter::once(command.program.as_os_str()).chain(command.args.iter().map(|arg| &**arg));
        let args = args.map(arg).collect::<Result<_, _>>()?;
        let directory = text(command.directory.as_os_str().as_bytes(), || "the directory".to_owned())?;

        let no_process = |source| SpawnError::NoProcess { source };
        let above = first_free(command.sockets.len());
        let stdin = File::open("/dev/null").and_then(|null| raised(null, above)).map_err(no_process)?;
        let output = raised(output, above).map_err(no_process)?;
        let sockets = command.sockets.iter().map(|socket| raised(socket, above));
        let sockets = sockets.collect::<io::Result<_>>().map_err(no_process)?;
        Ok(Self {
            program: text(program.as_os_str().as_bytes(), || "the program".to_owned())?,
            args,
            env: environment(command)?,
            directory,
            umask: command.umask & 0o777,
            nice: command.nice,
            limits: limits(&command.limits),
            stdin,
            output,
            sockets,
        })
    }

    /// The first descriptor that the child shall not have.
    pub(super) fn first_free(&self) -> RawFd {
        first_free(self.sockets.len())
    }
}

fn first_free(sockets: usize) -> RawFd {
    FIRST_PASSED.saturating_add(RawFd::try_from(sockets).unwrap_or(RawFd::MAX))
}

fn raised(fd: impl AsFd, above: RawFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, above)?)
}

fn text(bytes: &[u8], what: impl FnOnce() -> String) -> Result<CString, SpawnError> {
    CString::new(bytes).map_err(|_| SpawnError::Malformed { what: what() })
}

/// `NAME=VALUE`, as environ(7) has it.
fn environment(command: &ChildCommand) -> Result<Vec<CString>, SpawnError> {
    let theirs = command.env.iter().filter(|(name, _)| !NEVER.iter().any(|never| name == never));
    let mut variables = Vec::new();
    for (name, value) in theirs {
        let what = || format!("the variable {name:?}");
        if name.is_empty() || name.as_bytes().contains(&b'=') {
            return Err(SpawnError::Malformed { what: what() });
        }
        variables.push(text(&[name.as_bytes(), b"=", value.as_bytes()].concat(), what)?);
    }
    if !command.sockets.is_empty() {
        let passed = format!("LISTEN_FDS={}", command.sockets.len());
        variables.push(text(passed.as_bytes(), || "LISTEN_FDS".to_owned())?);
    }
    Ok(variables)
}

/// The program's file: as named if there is a slash in its name, else along the child's `PATH`.
fn find(command: &ChildCommand) -> Result<PathBuf, SpawnError> {
    let program = &command.program;
    if program.as_os_str().as_bytes().contains(&b'/') {
        return Ok(program.clone());
    }
    let path = command.env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| &**value);
    let candidates = std::env::split_paths(path.unwrap_or(OsStr::new(DEFAULT_PATH)))
        .map(|dir| command.directory.join(dir).join(program))
        .filter(|file| !program.as_os_str().is_empty() && file.is_file());
    let mut found = None;
    for file in candidates {
        if is_executable(&file) {
            return Ok(file);
        }
        found.get_or_insert(file);
    }
    found.ok_or_else(|| SpawnError::NoSuchProgram { program: program.display().to_string() })
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0)
}

fn limits(asked: &ChildLimits) -> Vec<Limit> {
    let exactly = |most| Rlimit { current: Some(most), maximum: Some(most) };
    let open_files = asked.open_files.map(|most| Limit {
        resource: Resource::Nofile,
        most: exactly(most),
        name: "the limit of open files",
    });
    let memory = asked.memory.map(|most| Limit {
        resource: Resource::Data,
        most: lower(Resource::Data, exactly(most)),
        name: "the limit of memory",
    });
    let cpu = asked.cpu.map(|most| {
        let seconds = most.as_secs().saturating_add(u64::from(most.subsec_nanos() > 0)).max(1);
        let most = Rlimit { current: Some(seconds), maximum: Some(seconds.saturating_add(1)) };
        Limit { resource: Resource::Cpu, most: lower(Resource::Cpu, most), name: "the limit of CPU time" }
    });
    [open_files, memory, cpu].into_iter().flatten().collect()
}

/// The lower of what is asked for and what this process has to keep to.
fn lower(resource: Resource, asked: Rlimit) -> Rlimit {
    let kept = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let lower = |asked: Option<u64>| asked.map(|asked| asked.min(kept));
    Rlimit { current: lower(asked.current), maximum: lower(asked.maximum) }
}
