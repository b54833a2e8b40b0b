//! Which ports a part listens on, for messages.

use coordinator::machine::Pid;

/// The TCP ports that processes of this process group listen on, as far as the system tells.
pub(super) fn of_group(leader: Pid) -> Vec<u16> {
    let Ok(all) = listeners::get_all() else { return Vec::new() };
    let ours = |pid: u32| {
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        let group = pid.and_then(|pid| rustix::process::getpgid(Some(pid)).ok());
        group.is_some_and(|group| u32::try_from(group.as_raw_nonzero().get()) == Ok(leader.0))
    };
    let mut ports: Vec<u16> = all
        .into_iter()
        .filter(|listener| listener.protocol == listeners::Protocol::TCP && ours(listener.process.pid))
        .map(|listener| listener.socket.port())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}
