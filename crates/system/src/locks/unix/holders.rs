//! Which processes hold a `flock` of a directory, for diagnosis only.

use std::io;

use crate::files::HeldDirectory;
use oneworker_protocol::machine::Pid;

/// The processes of this user with a descriptor through which the directory is locked: `/proc/PID/fdinfo/FD` has a `lock:` line for
/// each (proc_pid_fdinfo(5)). It names who has the descriptor *now*, where `/proc/locks` names who took the lock.
#[cfg(target_os = "linux")]
pub(super) fn directory_holders(dir: &HeldDirectory) -> io::Result<Vec<Pid>> {
    let stat = rustix::fs::fstat(dir)?;
    let (major, minor) = (rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev));
    let needle = format!("{major:02x}:{minor:02x}:{} ", stat.st_ino);
    let mut holders = Vec::new();
    for process in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // Other users' processes can't be read, and can't have opened a 0700 directory of ours.
        let Ok(descriptors) = std::fs::read_dir(process.path().join("fdinfo")) else { continue };
        let locks = descriptors.flatten().any(|descriptor| {
            std::fs::read_to_string(descriptor.path())
                .is_ok_and(|info| info.lines().any(|line| line.contains(" FLOCK ") && line.contains(&needle)))
        });
        if locks {
            holders.push(Pid(pid));
        }
    }
    Ok(holders)
}

/// No such table is known for this system: nobody can be named.
#[cfg(not(target_os = "linux"))]
pub(super) fn directory_holders(_dir: &HeldDirectory) -> io::Result<Vec<Pid>> {
    Ok(Vec::new())
}
