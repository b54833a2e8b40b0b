//! Children on Unix: one small thread for each, which starts it, waits for it and reaps it.

use std::io::{self, PipeReader};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::{Errno, retry_on_intr};
use rustix::process::{
    Pid as RawPid, WaitId, WaitIdOptions, WaitOptions, WaitStatus, kill_process, kill_process_group, waitid,
    waitpid,
};
use tokio::sync::watch;

use crate::child_command::ChildCommand;
use crate::signal::Signal;
use crate::spawn_error::SpawnError;
use oneworker_protocol::machine::{Ending, Pid, ProcessIdentity, StartTime};
use oneworker_system::processes;

mod command;
mod exec;

use command::Prepared;

/// Enough for a fork, a wait and an answer.
const STACK: usize = 128 * 1024;

/// A process of the tree. Dropping this leaves it alone.
#[derive(Debug)]
pub struct Child {
    started: Started,
    output: Option<PipeReader>,
}

/// What the child's thread tells of it.
#[derive(Debug)]
struct Started {
    process: ProcessIdentity,
    group: Arc<Group>,
    ending: watch::Receiver<Option<Ending>>,
}

/// A child's process group, which has its leader's pid as its number for as long as that is not reaped.
#[derive(Debug)]
struct Group {
    leader: RawPid,
    reaped: Mutex<bool>,
}

pub(super) fn spawn(command: &ChildCommand) -> Result<Child, SpawnError> {
    let no_process = |source| SpawnError::NoProcess { source };
    let (output, theirs) = io::pipe().map_err(no_process)?;
    let prepared = Prepared::new(command, theirs)?;
    let (sender, receiver) = sync_channel(1);
    std::thread::Builder::new()
        .name("child".to_owned())
        .stack_size(STACK)
        .spawn(move || live(prepared, sender))
        .map_err(no_process)?;
    let started = receiver.recv().map_err(|_| no_process(io::Error::other("its thread has ended")))?;
    match started {
        Ok(started) => Ok(Child { started, output: Some(output) }),
        Err(failure) => Err(failure.explain(command)),
    }
}

/// The life of a child, on the thread that is its parent in the kernel's eyes.
fn live(prepared: Prepared, sender: SyncSender<Result<Started, exec::Failure>>) {
    // Nobody's signal handlers on this small stack, and none between fork and exec.
    exec::block_signals();
    let leader = match exec::start(&prepared) {
        Ok(leader) => leader,
        Err(failure) => return drop(sender.send(Err(failure))),
    };
    // Our copies: as long as they are open, the output has no end.
    drop(prepared);
    name_thread(leader);
    let group = Arc::new(Group { leader, reaped: Mutex::new(false) });
    let (ended, ending) = watch::channel(None);
    let started = Started { process: identity(leader), group: Arc::clone(&group), ending };
    drop(sender.send(Ok(started)));
    drop(sender);
    ended.send_replace(Some(group.end()));
}

/// It has not been reaped, so the pid is its own. Where the system hides it, a start time of 0 matches nothing.
fn identity(leader: RawPid) -> ProcessIdentity {
    let pid = Pid(leader.as_raw_nonzero().get().unsigned_abs());
    let seen = processes::look(pid).ok().flatten();
    seen.map_or_else(|| processes::identity(pid, StartTime(0)), |info| info.identity)
}

#[cfg(target_os = "linux")]
fn name_thread(leader: RawPid) {
    if let Ok(name) = std::ffi::CString::new(format!("child-{leader}")) {
        let _ = rustix::thread::set_name(&name);
    }
}

#[cfg(not(target_os = "linux"))]
fn name_thread(_leader: RawPid) {}

/// The process group of a process, by the pid of its leader; `Pid(0)` if that is outside of this pid namespace (a container's first processes
/// may belong to it; rustix takes that for impossible). `None` if there is no such process.
fn group_of(pid: Pid) -> Option<Pid> {
    let pid = libc::pid_t::try_from(pid.0).ok()?;
    // SAFETY: takes and gives a number.
    u32::try_from(unsafe { libc::getpgid(pid) }).ok().map(Pid)
}

impl Group {
    /// Waits for the leader's end, ends the rest of the group, and reaps the leader.
    fn end(&self) -> Ending {
        // Left a zombie (waitid(2), WNOWAIT), which nobody gets the pid of, and thus nobody the group's number.
        let waiting = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let is_zombie = retry_on_intr(|| waitid(WaitId::Pid(self.leader), waiting)).is_ok();
        let mut reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        // Else this process ignores SIGCHLD, and the system has reaped it.
        if is_zombie {
            let _ = kill_process_group(self.leader, rustix::process::Signal::KILL);
        }
        let status = retry_on_intr(|| waitpid(Some(self.leader), WaitOptions::empty()));
        *reaped = true;
        status.ok().flatten().map_or(Ending::Unknown, |(_, status)| ending(status))
    }

    fn signal(&self, signal: rustix::process::Signal) -> Result<(), Errno> {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if *reaped {
            return Ok(());
        }
        let sent = kill_process_group(self.leader, signal);
        // It may have gone to a group of its own making.
        let leader = Pid(self.leader.as_raw_nonzero().get().unsigned_abs());
        if group_of(leader).is_some_and(|group| group != leader) {
            return kill_process(self.leader, signal);
        }
        sent
    }
}

fn ending(status: WaitStatus) -> Ending {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(status), _) => Ending::Exited(status),
        (None, Some(signal)) => Ending::Signalled(signal),
        (None, None) => Ending::Unknown,
    }
}

impl Child {
    /// Which process it is.
    pub fn process(&self) -> &ProcessIdentity {
        &self.started.process
    }

    /// What it writes to its standard output and standard error; once. It ends when every process that has got it has ended or closed it, which
    /// may be later than the child's own end.
    pub fn take_output(&mut self) -> Option<PipeReader> {
        self.output.take()
    }

    /// Waits for its end; at once if it has ended. By then, the rest of its process group has been killed. Cancelling loses nothing, and the
    /// answer may be asked for again.
    pub async fn ended(&mut self) -> Ending {
        let ending = self.started.ending.wait_for(Option::is_some).await;
        ending.ok().and_then(|ending| *ending).unwrap_or(Ending::Unknown)
    }

    /// Sends a signal to its process group. Does nothing once it was reaped: by then there is no such group, and its number may be another's.
    ///
    /// # Errors
    /// What the system says if it refuses.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        match self.started.group.signal(number(signal)) {
            // Nobody is left in it.
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a process is this one, or of its process group.
    pub fn has(&self, pid: Pid) -> bool {
        group_of(pid) == Some(self.started.process.pid)
    }
}

fn number(signal: Signal) -> rustix::process::Signal {
    match signal {
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Interrupt => rustix::process::Signal::INT,
        Signal::Quit => rustix::process::Signal::QUIT,
        Signal::HangUp => rustix::process::Signal::HUP,
        Signal::Kill => rustix::process::Signal::KILL,
        Signal::User1 => rustix::process::Signal::USR1,
        Signal::User2 => rustix::process::Signal::USR2,
    }
}
