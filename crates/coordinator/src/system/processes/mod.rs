//! Looking at processes, and signalling exactly the one that is meant.

use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;

use async_trait::async_trait;

use crate::machine::{
    Pid, ProcessIdentity, ProcessInfo, Processes, Signal, SignalOutcome, StartTime, Surroundings,
};

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(target_os = "macos", path = "macos.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod imp;

/// The machine's processes.
pub(super) struct SystemProcesses;

pub(super) use imp::look;

/// The identity of a process that runs now.
pub(super) fn identity(pid: Pid, start_time: StartTime) -> ProcessIdentity {
    ProcessIdentity { pid, start_time, boot_id: super::clock::boot_id() }
}

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

    async fn signal(&self, target: &ProcessIdentity, signal: Signal) -> io::Result<SignalOutcome> {
        imp::signal(target, signal)
    }
}
