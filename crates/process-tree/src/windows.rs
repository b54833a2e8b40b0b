//! A tree of processes on Windows: a job object. No guardian is needed and nothing is left to sweep, since the kernel ends what is in a job
//! when its last handle is closed, and a process' handles are closed however it ends.

use std::io::{self, PipeReader};
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent};

use crate::child_command::{ChildCommand, ChildLimits};
use crate::signal::Signal;
use crate::spawn_error::SpawnError;
use oneworker_protocol::machine::{Ending, Pid, ProcessIdentity, StartTime};
use oneworker_system::processes;

mod job;
pub(super) mod nets;
mod start;

#[cfg(test)]
mod tests;

use job::Job;

/// The job that this process and all that it starts is in.
static TREE: OnceLock<Job> = OnceLock::new();

/// A process of the tree. Dropping this leaves it alone.
#[derive(Debug)]
pub struct Child {
    process: ProcessIdentity,
    part: Arc<Job>,
    ending: watch::Receiver<Option<Ending>>,
    output: Option<PipeReader>,
}

/// Puts this process into a job of its own: then no process of the tree outlives it, whoever has started it.
pub(super) fn guard() -> io::Result<()> {
    let job = Job::new(&ChildLimits::default())?;
    job.take_this_process()?;
    // Set once: a second job would be inside the first.
    let _ = TREE.set(job);
    Ok(())
}

pub(super) fn spawn(command: &ChildCommand) -> Result<Child, SpawnError> {
    let no_process = |source| SpawnError::NoProcess { source };
    let (output, theirs) = io::pipe().map_err(no_process)?;
    let part = Arc::new(Job::new(&command.limits).map_err(no_process)?);
    let mut child = start::start(command, theirs, &part)?;
    let pid = Pid(child.id());
    let seen = processes::look(pid).ok().flatten();
    // Its handle is held, so the pid is its own. Where the system hides it, a start time of 0 matches nothing.
    let process = seen.map_or_else(|| processes::identity(pid, StartTime(0)), |info| info.identity);
    let (ended, ending) = watch::channel(None);
    let waiting = std::thread::Builder::new().name(format!("child-{pid}")).spawn({
        let part = Arc::clone(&part);
        move || {
            let status = child.wait();
            // As the rest of a process group on Unix.
            let _ = part.end();
            let code = status.ok().and_then(|status| status.code());
            ended.send_replace(Some(code.map_or(Ending::Unknown, Ending::Exited)));
        }
    });
    if let Err(source) = waiting {
        let _ = part.end();
        return Err(no_process(source));
    }
    Ok(Child { process, part, ending, output: Some(output) })
}

impl Child {
    /// Which process it is.
    pub fn process(&self) -> &ProcessIdentity {
        &self.process
    }

    /// What it writes to its standard output and standard error; once. It ends when every process that has got it has ended or closed it.
    pub fn take_output(&mut self) -> Option<PipeReader> {
        self.output.take()
    }

    /// Waits for its end; at once if it has ended. By then, what it has started has been ended too. Cancelling loses nothing, and the answer may
    /// be asked for again.
    pub async fn ended(&mut self) -> Ending {
        let ending = self.ending.wait_for(Option::is_some).await;
        ending.ok().and_then(|ending| *ending).unwrap_or(Ending::Unknown)
    }

    /// Ends it and all that it has started ([`Signal::Kill`]), or tells it to end: a Ctrl-Break for its process group, which is all that there is
    /// (MSDN, `GenerateConsoleCtrlEvent`). Does nothing once it has ended.
    ///
    /// # Errors
    /// What the system says if it refuses; that there is no such signal here; or that this process has no console to send a Ctrl-Break in.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        if self.ending.borrow().is_some() {
            return Ok(());
        }
        match signal {
            Signal::Kill => self.part.end(),
            Signal::Terminate | Signal::Interrupt | Signal::Quit | Signal::HangUp => {
                // SAFETY: a plain call.
                match unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, self.process.pid.0) } {
                    0 => Err(io::Error::last_os_error()),
                    _ => Ok(()),
                }
            }
            Signal::User1 | Signal::User2 => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Whether a process is this one, or was started by it.
    pub fn has(&self, pid: Pid) -> bool {
        self.part.has(pid)
    }
}
