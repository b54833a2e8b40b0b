//! Looking at processes, and signalling exactly the one that is meant.

use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;

use oneworker_protocol::machine::{
    Pid, ProcessIdentity, ProcessInfo, Processes, Signal, SignalOutcome, StartTime, Surroundings,
};

#[cfg(target_os = "freebsd")]
mod freebsd;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;
#[cfg(target_os = "freebsd")]
use freebsd as imp;
#[cfg(target_os = "linux")]
use linux as imp;
#[cfg(target_os = "macos")]
use macos as imp;
#[cfg(windows)]
use windows as imp;

#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod compared;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod exits;
mod identity;

/// The machine's processes.
pub(super) struct SystemProcesses;

pub use identity::identity;
pub use imp::look;
#[cfg(target_os = "macos")]
pub use imp::signal;

/// How often it is looked whether a process has ended, where the system gives no notice.
const LOOK: Duration = Duration::from_secs(2);

#[async_trait]
impl Processes for SystemProcesses {
    fn me(&self) -> ProcessIdentity {
        let pid = Pid(std::process::id());
        // Where the system hides even a process from itself, a start time of 0 matches nothing, and so is never signalled.
        let start_time = imp::look(pid).ok().flatten().map_or(StartTime(0), |info| info.identity.start_time);
        identity(pid, start_time)
    }

    fn program(&self) -> PathBuf {
        std::env::current_exe().unwrap_or_else(|_| PathBuf::from("unknown"))
    }

    fn surroundings(&self) -> Surroundings {
        static SURROUNDINGS: OnceLock<Surroundings> = OnceLock::new();
        SURROUNDINGS.get_or_init(imp::surroundings).clone()
    }

    async fn look(&self, pid: Pid) -> io::Result<Option<ProcessInfo>> {
        imp::look(pid)
    }

    async fn ended(&self, process: &ProcessIdentity) {
        // Where there is no notice, a process that is hidden or dead and not reaped is looked at again all the same.
        imp::notice_of_end(process).await;
        while identity::lives(process, imp::look(process.pid)) {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn signal(&self, target: &ProcessIdentity, signal: Signal) -> io::Result<SignalOutcome> {
        imp::signal(target, signal)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use oneworker_protocol::machine::Activity;
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(300);

    /// A process that waits for more than it is given.
    fn waiting() -> (Child, ProcessIdentity) {
        let (program, args) = if cfg!(windows) { ("cmd", ["/c", "pause"]) } else { ("sh", ["-c", "cat"]) };
        let child = Command::new(program).args(args).stdin(Stdio::piped()).spawn().unwrap();
        let process = imp::look(Pid(child.id())).unwrap().unwrap().identity;
        (child, process)
    }

    #[test]
    fn this_process_is_seen_alive_and_a_free_pid_is_not() {
        let me = imp::look(Pid(std::process::id())).unwrap().unwrap();
        assert_eq!(me.activity, Activity::Alive);
        assert!(me.identity.start_time.0 > 0);
        assert_eq!(imp::look(Pid(u32::MAX)).unwrap(), None);
    }

    #[test]
    fn a_pid_with_another_start_time_is_not_signalled() {
        let (mut child, real) = waiting();
        let reused = ProcessIdentity { start_time: StartTime(real.start_time.0 + 1), ..real.clone() };
        assert_eq!(imp::signal(&reused, Signal::Kill).unwrap(), SignalOutcome::Gone);
        assert!(child.try_wait().unwrap().is_none(), "a stranger was killed");
        assert_eq!(imp::signal(&real, Signal::Kill).unwrap(), SignalOutcome::Sent);
        child.wait().unwrap();
        assert_eq!(imp::signal(&real, Signal::Kill).unwrap(), SignalOutcome::Gone);
    }

    #[tokio::test]
    async fn the_end_of_a_process_is_noticed_and_a_namesake_is_not_waited_for() {
        let (mut child, process) = waiting();
        let mut ended = SystemProcesses.ended(&process);
        assert!(timeout(Duration::from_millis(50), &mut ended).await.is_err());
        child.kill().unwrap();
        timeout(PATIENCE, ended).await.unwrap();
        child.wait().unwrap();
        timeout(PATIENCE, SystemProcesses.ended(&process)).await.unwrap();
        let mut me = SystemProcesses.me();
        me.start_time = StartTime(me.start_time.0 + 1);
        timeout(PATIENCE, SystemProcesses.ended(&me)).await.unwrap();
    }
}
