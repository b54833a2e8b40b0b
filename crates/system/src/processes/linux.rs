use std::fs;
use std::io;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::identity::{identity, lives};
use crate::user;
use oneworker_protocol::machine::{
    Activity, Pid, ProcessIdentity, ProcessInfo, Signal, SignalOutcome, StartTime, Surroundings,
};

pub fn look(pid: Pid) -> io::Result<Option<ProcessInfo>> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
    let stat = match read("stat") {
        Ok(stat) => stat,
        // ESRCH: it ended between open and read.
        Err(error)
            if error.kind() == io::ErrorKind::NotFound
                || error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) =>
        {
            return proc_is_mounted().map(|()| None);
        }
        Err(error) => return Err(error),
    };
    let stat = Stat::parse(&stat).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat has an unknown form"))
    })?;
    // Neither of these is there for certain: hidden, or the process has just ended.
    let traced_by = read("status").ok().as_deref().and_then(tracer);
    let starved = read("schedstat").ok().as_deref().and_then(run_delay).unwrap_or_default();
    Ok(Some(ProcessInfo {
        identity: identity(pid, StartTime(stat.start_ticks)),
        activity: stat.activity,
        traced_by,
        cpu_time: ticks(stat.cpu_ticks),
        starved,
        program: stat.program.to_owned(),
    }))
}

/// Without `/proc` nothing can be said of any process: not the same as "there is none".
fn proc_is_mounted() -> io::Result<()> {
    fs::metadata("/proc/self/stat").map(drop)
}

/// What matters of proc_pid_stat(5).
struct Stat<'a> {
    program: &'a str,
    activity: Activity,
    cpu_ticks: u64,
    start_ticks: u64,
}

impl<'a> Stat<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        // The name is in parentheses and may itself contain spaces and parentheses: the last one ends it.
        let (head, tail) = text.rsplit_once(')')?;
        let (_, program) = head.split_once('(')?;
        let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
        // The first of these is field 3 of the manual.
        let field = |number: usize| fields.get(number - 3).copied();
        let number = |n: usize| field(n).and_then(|text| text.parse::<u64>().ok());
        Some(Self {
            program,
            activity: match field(3)? {
                "T" => Activity::Stopped,
                "t" => Activity::Traced,
                "D" => Activity::Uninterruptible,
                "Z" | "X" | "x" => Activity::Zombie,
                _ => Activity::Alive,
            },
            cpu_ticks: number(14)? + number(15)?,
            start_ticks: number(22)?,
        })
    }
}

fn ticks(ticks: u64) -> Duration {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(ticks.saturating_mul(1000) / per_second)
}

/// The process behind `TracerPid` of proc_pid_status(5), which names the thread that attached; 0 is nobody.
fn tracer(status: &str) -> Option<Pid> {
    let thread = status_pid(status, "TracerPid:").filter(|thread| thread.0 != 0)?;
    let process = fs::read_to_string(format!("/proc/{thread}/status")).ok();
    process.and_then(|status| status_pid(&status, "Tgid:")).or(Some(thread))
}

fn status_pid(status: &str, field: &str) -> Option<Pid> {
    status.lines().find_map(|line| line.strip_prefix(field))?.trim().parse().ok().map(Pid)
}

/// The second number of `/proc/PID/schedstat`: nanoseconds on the run queue (kernel documentation, sched-stats).
fn run_delay(schedstat: &str) -> Option<Duration> {
    schedstat.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

pub(super) fn signal(target: &ProcessIdentity, signal: Signal) -> io::Result<SignalOutcome> {
    let signal = match signal {
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Continue => rustix::process::Signal::CONT,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    let Some(pid) = i32::try_from(target.pid.0).ok().and_then(rustix::process::Pid::from_raw) else {
        return Ok(SignalOutcome::Gone);
    };
    let is_target = || Ok::<_, io::Error>(look(target.pid)?.is_some_and(|now| now.identity == *target));
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(fd) => {
            // From here on the descriptor means one process; whether it is the right one is compared after it was opened.
            if !is_target()? {
                return Ok(SignalOutcome::Gone);
            }
            sent(pidfd_send_signal(&fd, signal))
        }
        Err(Errno::SRCH) => Ok(SignalOutcome::Gone),
        // Before Linux 5.3 there is no such call: compare, then signal at once.
        Err(Errno::NOSYS) if is_target()? => sent(rustix::process::kill_process(pid, signal)),
        Err(Errno::NOSYS) => Ok(SignalOutcome::Gone),
        Err(error) => Err(error.into()),
    }
}

/// A pidfd can be read from once its process has ended, reaped or not (`pidfd_open(2)`). Returns at once where there is none, or where the pid
/// is another's by now.
pub(super) async fn notice_of_end(process: &ProcessIdentity) {
    let Some(pid) = i32::try_from(process.pid.0).ok().and_then(rustix::process::Pid::from_raw) else {
        return;
    };
    let Ok(watched) = pidfd_open(pid, PidfdFlags::NONBLOCK) else { return };
    if !lives(process, look(process.pid)) {
        return;
    }
    // SAFETY: the descriptor is owned by what is registered, and stays open for as long.
    let registered = unsafe { AsyncFd::register_with_interest(watched, Interest::READABLE) };
    if let Ok(registered) = registered {
        let _ = registered.readable().await;
    }
}

fn sent(result: Result<(), Errno>) -> io::Result<SignalOutcome> {
    match result {
        Ok(()) => Ok(SignalOutcome::Sent),
        Err(Errno::SRCH) => Ok(SignalOutcome::Gone),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn surroundings() -> Surroundings {
    let namespace = |kind: &str| {
        fs::read_link(format!("/proc/self/ns/{kind}"))
            .map(|link| link.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    Surroundings {
        host: host(),
        user: user::id(),
        pid_namespace: namespace("pid"),
        net_namespace: namespace("net"),
    }
}

/// machine-id(5), which no two machines share; where it is missing or empty, the host's name.
fn host() -> String {
    let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    match id.trim() {
        "" => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        id => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_named_like_a_stat_line_does_not_confuse_the_parser() {
        let line = "7 (a) S 1 (b) Z) T 1 7 7 0 -1 4194304 0 0 0 0 25 5 0 0 20 0 1 0 4242 0 0";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(stat.program, "a) S 1 (b) Z");
        assert_eq!((stat.activity, stat.cpu_ticks, stat.start_ticks), (Activity::Stopped, 30, 4242));
        for garbage in ["", "7 (x", "7 (x) S", ")(", "7 (x) S 1 2 3"] {
            assert!(Stat::parse(garbage).is_none(), "{garbage:?}");
        }
    }
}
