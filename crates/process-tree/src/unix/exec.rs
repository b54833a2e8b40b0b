//! From fork to exec.

use std::convert::Infallible;
use std::ffi::CString;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::fs::Mode;
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid as RawPid, WaitOptions, waitpid};

use super::command::{FIRST_PASSED, Prepared};
use crate::child_command::ChildCommand;
use crate::spawn_error::SpawnError;
use oneworker_system::descriptors::close_on_exec_from;

/// The highest signal's number (`SIGRTMAX` on Linux, `NSIG` elsewhere).
const LAST_SIGNAL: libc::c_int = if cfg!(target_os = "linux") { 64 } else { 31 };

/// Where the child was when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Process,
    Directory,
    Nice,
    /// Which of the limits.
    Limit(&'static str),
    Exec,
}

/// Why there is no child.
#[derive(Debug)]
pub(super) struct Failure {
    stage: Stage,
    source: io::Error,
}

/// What a failed child says: its stage's number, and the error's.
type Report = [u8; 8];

/// Blocks all signals on the calling thread.
pub(super) fn block_signals() {
    // SAFETY: the set is filled before it is used; plain calls.
    unsafe {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), ptr::null_mut());
    }
}

/// Forks and executes. Returns once the program has begun, which closes the child's end of a pipe, or the child has said why it can't.
pub(super) fn start(prepared: &Prepared) -> Result<RawPid, Failure> {
    let failure = |source| Failure { stage: Stage::Process, source };
    let (mut report, theirs) = io::pipe().map_err(failure)?;
    // Out of the way of what the child gets.
    let theirs = rustix::io::fcntl_dupfd_cloexec(theirs, prepared.first_free());
    let theirs = theirs.map_err(|error| failure(error.into()))?;
    let vectors = Vectors::of(prepared);
    let parent = rustix::process::getpid();
    // SAFETY: the child only makes system calls and changes memory that was allocated before (see `Fresh`), and never returns.
    let child = match unsafe { libc::fork() } {
        -1 => return Err(failure(io::Error::last_os_error())),
        0 => Fresh { prepared, vectors, parent }.execute(&theirs),
        child => child,
    };
    drop(theirs);
    let child = RawPid::from_raw(child).ok_or_else(|| failure(io::Error::other("fork gave no pid")))?;
    let mut said = Vec::new();
    let _ = report.read_to_end(&mut said);
    match Report::try_from(said) {
        Ok(said) => {
            let _ = retry_on_intr(|| waitpid(Some(child), WaitOptions::empty()));
            Err(Failure::read(said, prepared))
        }
        // Closed by exec, or killed before it: how it ended will be seen.
        Err(_) => Ok(child),
    }
}

/// Arguments and environment as execve(2) takes them.
struct Vectors {
    args: Vec<*const libc::c_char>,
    env: Vec<*const libc::c_char>,
    /// `LISTEN_PID=` and room for the child's pid, if sockets are passed.
    listen_pid: Option<[u8; 32]>,
}

impl Vectors {
    fn of(prepared: &Prepared) -> Self {
        let pointers = |texts: &[CString]| texts.iter().map(|text| text.as_ptr()).collect::<Vec<_>>();
        let (mut args, mut env) = (pointers(&prepared.args), pointers(&prepared.env));
        args.push(ptr::null());
        let listen_pid = (!prepared.sockets.is_empty()).then(|| {
            // To be the variable's place.
            env.push(ptr::null());
            [0; 32]
        });
        env.push(ptr::null());
        Self { args, env, listen_pid }
    }

    /// Puts in the pid of the process that is to execute.
    fn complete(&mut self, pid: RawPid) {
        if let Some(listen_pid) = &mut self.listen_pid {
            write_variable(listen_pid, b"LISTEN_PID=", pid.as_raw_nonzero().get().unsigned_abs());
            let place = self.env.len() - 2;
            self.env[place] = listen_pid.as_ptr().cast();
        }
    }
}

/// Writes name, number and a zero byte, without allocating.
fn write_variable(buffer: &mut [u8; 32], name: &[u8], mut number: u32) {
    let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
    buffer[..name.len()].copy_from_slice(name);
    for i in (0..digits).rev() {
        // A digit.
        buffer[name.len() + i] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    buffer[name.len() + digits] = 0;
}

/// A fresh fork of a process that may have had other threads: it must neither allocate nor take a lock (fork(2), signal-safety(7)), and so
/// makes system calls only. Signals are blocked.
struct Fresh<'a> {
    prepared: &'a Prepared,
    vectors: Vectors,
    parent: RawPid,
}

impl Fresh<'_> {
    fn execute(mut self, report: &OwnedFd) -> ! {
        let Err((stage, error)) = self.try_to();
        let said = Failure::write(stage, error, self.prepared);
        let _ = rustix::io::write(report, &said);
        // SAFETY: a plain system call.
        unsafe { libc::_exit(127) }
    }

    fn try_to(&mut self) -> Result<Infallible, (Stage, Errno)> {
        let at = |stage| move |error| (stage, error);
        self.join_tree().map_err(at(Stage::Process))?;
        self.take_descriptors().map_err(at(Stage::Process))?;
        self.limit()?;
        rustix::process::chdir(&*self.prepared.directory).map_err(at(Stage::Directory))?;
        self.vectors.complete(rustix::process::getpid());
        reset_signals();
        // SAFETY: texts that end with a zero byte, in vectors that end with a null; all outlive the call.
        unsafe {
            libc::execve(
                self.prepared.program.as_ptr(),
                self.vectors.args.as_ptr(),
                self.vectors.env.as_ptr(),
            );
        }
        Err((Stage::Exec, last_error()))
    }

    /// A group of its own, and a life no longer than the parent's.
    fn join_tree(&self) -> Result<(), Errno> {
        rustix::process::setpgid(None, None)?;
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // It is sent for a death from now on; this is for one before.
        if rustix::process::getppid() != Some(self.parent) {
            return Err(Errno::SRCH);
        }
        Ok(())
    }

    /// 0 to 2 and the passed ones; all others are closed by exec.
    fn take_descriptors(&self) -> Result<(), Errno> {
        let prepared = self.prepared;
        become_number(&prepared.stdin, 0)?;
        become_number(&prepared.output, 1)?;
        become_number(&prepared.output, 2)?;
        for (number, socket) in (FIRST_PASSED..).zip(&prepared.sockets) {
            become_number(socket, number)?;
        }
        // SAFETY: this process is about to execute a program.
        unsafe { close_on_exec_from(prepared.first_free()) };
        Ok(())
    }

    fn limit(&self) -> Result<(), (Stage, Errno)> {
        #[allow(clippy::cast_possible_truncation, reason = "nine bits")]
        rustix::process::umask(Mode::from_raw_mode(self.prepared.umask as _));
        if let Some(nice) = self.prepared.nice {
            rustix::process::setpriority_process(None, nice).map_err(|error| (Stage::Nice, error))?;
        }
        for limit in &self.prepared.limits {
            rustix::process::setrlimit(limit.resource, limit.most)
                .map_err(|error| (Stage::Limit(limit.name), error))?;
        }
        Ok(())
    }
}

/// The copy survives exec (dup(2)).
fn become_number(fd: &OwnedFd, number: RawFd) -> Result<(), Errno> {
    // SAFETY: the number is none of this process' own descriptors: those were all raised above it.
    match unsafe { libc::dup2(fd.as_raw_fd(), number) } {
        -1 => Err(last_error()),
        _ => Ok(()),
    }
}

/// No signal ignored, and none blocked. Handlers end with exec, but what is ignored stays so (execve(2)).
fn reset_signals() {
    // SAFETY: plain calls. The set is emptied before it is used.
    unsafe {
        for signal in 1..=LAST_SIGNAL {
            libc::signal(signal, libc::SIG_DFL);
        }
        #[cfg(target_os = "linux")]
        for signal in [32, 33] {
            // The C library keeps these for itself and refuses to change them, but not to hand them on. Zeroes are the kernel's structure for
            // the default action, whatever its form; the last argument is the size of its signal set (rt_sigaction(2)).
            let default = [0_u64; 8];
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), ptr::null::<u64>(), 8);
        }
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

fn last_error() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}

impl Failure {
    fn write(stage: Stage, error: Errno, prepared: &Prepared) -> Report {
        let stage = match stage {
            Stage::Process => 0_u32,
            Stage::Directory => 1,
            Stage::Nice => 2,
            Stage::Exec => 3,
            Stage::Limit(name) => (4_u32..)
                .zip(&prepared.limits)
                .find_map(|(number, limit)| (limit.name == name).then_some(number))
                .unwrap_or(0),
        };
        let [[a, b, c, d], [e, f, g, h]] = [stage.to_ne_bytes(), error.raw_os_error().to_ne_bytes()];
        [a, b, c, d, e, f, g, h]
    }

    fn read([a, b, c, d, e, f, g, h]: Report, prepared: &Prepared) -> Self {
        let source = io::Error::from_raw_os_error(i32::from_ne_bytes([e, f, g, h]));
        let stage = match u32::from_ne_bytes([a, b, c, d]) {
            0 => Stage::Process,
            1 => Stage::Directory,
            2 => Stage::Nice,
            3 => Stage::Exec,
            limit => prepared
                .limits
                .get(limit as usize - 4)
                .map_or(Stage::Process, |limit| Stage::Limit(limit.name)),
        };
        Self { stage, source }
    }

    /// For people.
    pub(super) fn explain(self, command: &ChildCommand) -> SpawnError {
        let source = self.source;
        match self.stage {
            Stage::Process => SpawnError::NoProcess { source },
            Stage::Directory => {
                SpawnError::Directory { directory: command.directory.display().to_string(), source }
            }
            Stage::Nice => SpawnError::NotPermitted { what: "the nice value", source },
            Stage::Limit(what) => SpawnError::NotPermitted { what, source },
            Stage::Exec => not_executed(command, source),
        }
    }
}

fn not_executed(command: &ChildCommand, source: io::Error) -> SpawnError {
    let program = command.program.display().to_string();
    // One without a path was found along `PATH` before.
    let exists =
        command.program.components().count() == 1 || command.directory.join(&command.program).exists();
    match Errno::from_io_error(&source) {
        Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE) => SpawnError::NoProcess { source },
        Some(Errno::NOENT | Errno::NOTDIR) if !exists => SpawnError::NoSuchProgram { program },
        // It is there, so it is something else that is not (execve(2)).
        Some(Errno::NOENT) => {
            let source = io::Error::new(source.kind(), "its interpreter is missing");
            SpawnError::NotExecutable { program, source }
        }
        _ => SpawnError::NotExecutable { program, source },
    }
}
