use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use coordinator::machine::{self, ProcessInfo};
use coordinator::system;
use rustix::process::{Pid, Signal, kill_process};

fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(pid.try_into().expect("a pid")).expect("a pid")
}

/// SIGKILL. A process that is gone already is fine.
pub fn kill(pid: u32) {
    let _ = kill_process(pid_of(pid), Signal::KILL);
}

/// SIGKILL, and waits until the process has ended.
pub fn kill_and_wait(pid: u32) {
    kill(pid);
    wait_until_gone(pid);
}

/// SIGTERM.
pub fn terminate(pid: u32) {
    kill_process(pid_of(pid), Signal::TERM).expect("a living process");
}

/// SIGHUP.
pub fn hang_up(pid: u32) {
    kill_process(pid_of(pid), Signal::HUP).expect("a living process");
}

/// SIGSTOP, and waits until it is stopped.
pub fn stop(pid: u32) {
    kill_process(pid_of(pid), Signal::STOP).expect("a living process");
    wait_until_stopped(pid);
}

/// Waits until the process is stopped.
pub fn wait_until_stopped(pid: u32) {
    crate::wait_for("a process to stop", || (state(pid) == Some('T')).then_some(()));
}

/// SIGCONT.
pub fn go_on(pid: u32) {
    kill_process(pid_of(pid), Signal::CONT).expect("a living process");
}

/// What the product sees of a process, zombies included.
pub fn look(pid: u32) -> ProcessInfo {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let looked = runtime.block_on(system::machine().processes.look(machine::Pid(pid)));
    looked.expect("/proc").expect("a process")
}

/// The time that all of a process's threads have had a CPU, exact to the nanosecond (`/proc/PID/stat` counts in hundredths of a second).
pub fn cpu_time(pid: u32) -> std::time::Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let schedstat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        schedstat.split_ascii_whitespace().next()?.parse::<u64>().ok()
    });
    std::time::Duration::from_nanos(nanos.sum())
}

/// The letter of `/proc/PID/stat`.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Whether the process exists and is no zombie. One whose first thread has ended is alive as long as another has not: until then its files,
/// locks and ports are open.
pub fn is_alive(pid: u32) -> bool {
    match state(pid) {
        None => false,
        Some('Z' | 'X') => {
            std::fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|tasks| tasks.count() > 1)
        }
        Some(_) => true,
    }
}

/// Waits until the process has ended.
pub fn wait_until_gone(pid: u32) {
    crate::wait_for(&format!("process {pid} to end"), || (!is_alive(pid)).then_some(()));
}

/// The processes with `needle` in one of their arguments, and their arguments. Not this one.
pub fn processes_of(needle: &Path) -> Vec<(u32, Vec<String>)> {
    let needle = needle.to_string_lossy();
    all_pids()
        .filter(|pid| *pid != std::process::id())
        .filter_map(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let args: Vec<String> =
                line.split(|b| *b == 0).map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
            (is_alive(pid) && args.iter().any(|arg| arg.contains(&*needle))).then_some((pid, args))
        })
        .collect()
}

/// The children of a process, zombies included.
pub fn children_of(parent: u32) -> Vec<u32> {
    all_pids()
        .filter(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let ppid = stat
                .rsplit_once(')')
                .and_then(|(_, rest)| rest.split_ascii_whitespace().nth(1)?.parse().ok());
            ppid == Some(parent)
        })
        .collect()
}

/// Whether this is this process, or one that it has just forked: until that executes something, it has a copy of each of this process's
/// descriptors, of listening sockets too. On a loaded machine that may be a while.
pub fn is_this_process(pid: u32) -> bool {
    let this = std::process::id();
    pid == this || !is_alive(pid) || children_of(this).contains(&pid)
}

fn all_pids() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A process that is none of ours, and that nobody may touch. Ended when dropped.
pub struct Bystander(Child);

impl Bystander {
    /// A `sleep`.
    pub fn start() -> Self {
        Self::named("sleep")
    }

    /// A `sleep` that calls itself something else.
    pub fn named(name: &str) -> Self {
        Self::sleep(name, Stdio::null())
    }

    /// A `sleep` that has inherited this, and does nothing with it.
    pub fn inheriting(descriptor: impl Into<OwnedFd>) -> Self {
        Self::sleep("sleep", Stdio::from(descriptor.into()))
    }

    fn sleep(name: &str, stdin: Stdio) -> Self {
        let mut command = Command::new("sleep");
        command.arg0(name).arg("600").stdin(stdin).stdout(Stdio::null());
        Self(command.spawn().expect("sleep"))
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Fails the test if anybody ended or stopped it.
    pub fn assert_untouched(&mut self) {
        assert!(self.0.try_wait().expect("its status").is_none(), "a bystander was ended");
        assert_ne!(state(self.pid()), Some('T'), "a bystander was stopped");
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
