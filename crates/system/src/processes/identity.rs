//! Who a process is, and whether it still runs.

use std::io;

#[cfg(not(target_os = "linux"))]
use oneworker_protocol::machine::Surroundings;
use oneworker_protocol::machine::{Activity, Pid, ProcessIdentity, ProcessInfo, StartTime};

/// The identity of a process that runs now.
pub fn identity(pid: Pid, start_time: StartTime) -> ProcessIdentity {
    ProcessIdentity { pid, start_time, boot_id: crate::clock::boot_id() }
}

/// Where this process is, on a system that divides neither its pids nor its network.
#[cfg(not(target_os = "linux"))]
pub(super) fn without_namespaces(host: String) -> Surroundings {
    let user = crate::user::id();
    Surroundings { host, user, pid_namespace: String::new(), net_namespace: String::new() }
}

/// Returns whether the process runs, by what was found at its pid. A process that cannot be
/// inspected may run.
pub(super) fn lives(process: &ProcessIdentity, found: io::Result<Option<ProcessInfo>>) -> bool {
    found.map_or(true, |found| {
        found.is_some_and(|found| found.identity == *process && found.activity != Activity::Zombie)
    })
}
