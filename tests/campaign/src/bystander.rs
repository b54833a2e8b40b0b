//! A process that is none of the program's, and that nobody may touch. It notes every signal that it gets.

use std::ffi::CString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use oneworker_tests::kill;
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::history::{History, Seen, now};
use crate::interrupt::{may_start, start};

/// What a bystander is.
#[derive(Args, Debug)]
pub struct Bystanding {
    /// Where it notes signals.
    history: PathBuf,
    /// A port that it listens on.
    #[arg(long)]
    port: Option<u16>,
    /// How long it waits for the port.
    #[arg(long, default_value_t = 0)]
    patience_ms: u64,
    /// What it answers there to whoever asks; without it, nothing.
    #[arg(long)]
    answer: Option<String>,
}

/// The campaign's end of one. Ended when dropped.
pub struct Bystander {
    pid: u32,
    ended: bool,
}

impl Bystander {
    /// One that notes signals in this history.
    pub fn start(history: &Path) -> Option<Self> {
        Self::spawn(Command::new(this_program()).arg("bystander").arg(history))
    }

    /// One that also listens on this port, and has one answer to everything, or none; `None` if the port stays taken.
    pub fn on_port(history: &Path, port: u16, patience_ms: u64, answer: Option<&str>) -> Option<Self> {
        let mut command = Command::new(this_program());
        command.arg("bystander").arg(history);
        command.args(["--port", &port.to_string(), "--patience-ms", &patience_ms.to_string()]);
        if let Some(answer) = answer {
            command.args(["--answer", answer]);
        }
        Self::spawn(&mut command)
    }

    #[allow(clippy::zombie_processes)] // It is reaped by its pid.
    fn spawn(command: &mut Command) -> Option<Self> {
        let mut child = start(command.stdin(Stdio::null()).stdout(Stdio::piped())).expect("a bystander");
        Self { pid: child.id(), ended: false }.once_there(child.stdout.take().expect("its output"))
    }

    /// One with this very pid, which must be free; `None` if it is not, or if the system forbids it (root only).
    pub fn with_pid(history: &Path, pid: u32) -> Option<Self> {
        let (output, there) = std::io::pipe().ok()?;
        let program = this_program();
        let words = [program.as_os_str(), "bystander".as_ref(), history.as_os_str()];
        let words = words.map(|word| CString::new(word.as_bytes()).expect("a word without a NUL"));
        let mut argv: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
        argv.push(std::ptr::null());

        let _may = may_start();
        let wanted = [libc::pid_t::try_from(pid).ok()?];
        // SAFETY: all-zero arguments are valid: a fork.
        let mut how: libc::clone_args = unsafe { std::mem::zeroed() };
        how.exit_signal = libc::SIGCHLD as u64;
        how.set_tid = wanted.as_ptr() as u64;
        how.set_tid_size = 1;
        // SAFETY: the arguments are valid for the call (clone3(2)). The child makes system calls only, on memory that was made before, and
        // never returns.
        unsafe {
            match libc::syscall(libc::SYS_clone3, &raw const how, size_of::<libc::clone_args>()) {
                -1 => return None,
                0 => {
                    libc::dup2(there.as_raw_fd(), 1);
                    libc::execv(argv[0], argv.as_ptr());
                    libc::_exit(127)
                }
                _ => {}
            }
        }
        drop(there);
        Self { pid, ended: false }.once_there(output)
    }

    /// It blocks signals before it says so; what hits it earlier ends it, which is seen as well.
    fn once_there(self, output: impl Read) -> Option<Self> {
        let mut line = String::new();
        let _ = BufReader::new(output).read_line(&mut line);
        (line.trim() == "here").then_some(self)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether nobody has ended it.
    pub fn is_there(&mut self) -> bool {
        self.ended = self.ended || !matches!(self.reap(WaitOptions::NOHANG), Ok(None));
        !self.ended
    }

    fn reap(&self, how: WaitOptions) -> rustix::io::Result<Option<()>> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        waitpid(pid, how).map(|status| status.map(drop))
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        // Not yet reaped, so the pid is its own.
        if !self.ended {
            kill(self.pid);
            let _ = self.reap(WaitOptions::empty());
        }
    }
}

fn this_program() -> PathBuf {
    std::env::current_exe().expect("this program")
}

/// Is one.
pub fn run(Bystanding { history, port, patience_ms, answer }: &Bystanding) -> ExitCode {
    let history = History::append_to(history).expect("the history");
    // SAFETY: an all-zero set is valid, and filled before it is used.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pointers are valid for the calls; before this there are no other threads.
    unsafe {
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
    if let Some(port) = port {
        let Some(listener) = take(*port, Duration::from_millis(*patience_ms)) else {
            println!("taken");
            return ExitCode::FAILURE;
        };
        let answer = answer.clone();
        std::thread::spawn(move || listen(&listener, answer.as_deref()));
    }
    println!("here");
    let _ = std::io::stdout().flush();
    loop {
        // SAFETY: an all-zero value is valid.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: the pointers are valid for the call.
        let signal = unsafe { libc::sigwaitinfo(&raw const all, &raw mut info) };
        if signal > 0 {
            // SAFETY: a signal that a process sent carries its pid; for another it is 0 or meaningless.
            let from = unsafe { info.si_pid() };
            history.add(Seen::Signalled {
                pid: std::process::id(),
                signal,
                from: from.unsigned_abs(),
                at: now(),
            });
        }
    }
}

fn take(port: u16, patience: Duration) -> Option<TcpListener> {
    let end = Instant::now() + patience;
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Some(listener),
            Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(1)),
            Err(_) => return None,
        }
    }
}

fn listen(listener: &TcpListener, answer: Option<&str>) {
    let mut silent = Vec::new();
    for mut client in listener.incoming().flatten() {
        match answer {
            // A client that hangs up is no concern of a bystander's.
            Some(answer) => drop(reply(&mut client, answer)),
            None => silent.push(client),
        }
    }
}

fn reply(client: &mut TcpStream, answer: &str) -> std::io::Result<()> {
    // A request fits into what a client sends at first.
    let _ = client.read(&mut [0; 4096])?;
    let length = answer.len();
    write!(
        client,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
    )
}
