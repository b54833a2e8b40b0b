//! What proc(5) tells of other processes.

use std::fs;
use std::io;
use std::str::FromStr;

use rustix::process::Pid;

/// The pids in `/proc`.
pub(super) fn pids() -> io::Result<Vec<Pid>> {
    let entries = fs::read_dir("/proc")?.flatten();
    Ok(entries.filter_map(|entry| pid(entry.file_name().to_str()?)).collect())
}

/// The children of this process, which has one thread. Zombies too.
pub(super) fn children() -> io::Result<Vec<Pid>> {
    let me = rustix::process::getpid();
    match fs::read_to_string(format!("/proc/self/task/{me}/children")) {
        Ok(list) => Ok(list.split_ascii_whitespace().filter_map(pid).collect()),
        // A kernel without CONFIG_PROC_CHILDREN.
        Err(_) => Ok(pids()?.into_iter().filter(|pid| parent(*pid) == Some(me)).collect()),
    }
}

fn pid(text: &str) -> Option<Pid> {
    i32::from_str(text).ok().and_then(Pid::from_raw)
}

/// The fourth field of proc_pid_stat(5).
fn parent(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may itself contain spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    self::pid(fields.split_ascii_whitespace().nth(1)?)
}

/// The environment that a process was started with; empty if that can't be read, as for zombies and other users' processes.
///
/// A process whose first thread has ended shows it by the others only; and none has any for the moment at which it executes a program, so it
/// is looked for twice.
pub(super) fn environment(pid: Pid) -> Vec<u8> {
    let of_process = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    if !of_process.is_empty() {
        return of_process;
    }
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| fs::read(thread.path().join("environ")).ok())
        .find(|environment| !environment.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_its_parent_and_its_environment_are_seen() {
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .env_clear()
            .env("PROC_TEST", "a b")
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);
        assert!(pids().unwrap().contains(&pid));
        assert_eq!(parent(pid), Some(rustix::process::getpid()));
        assert_eq!(environment(pid), b"PROC_TEST=a b\0");
        child.kill().unwrap();
        // Not reaped yet.
        rustix::process::waitid(
            rustix::process::WaitId::Pid(pid),
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT,
        )
        .unwrap();
        assert!(pids().unwrap().contains(&pid) && environment(pid).is_empty());
        child.wait().unwrap();
        assert_eq!(parent(pid), None);
    }
}
