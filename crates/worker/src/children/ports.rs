//! Which ports a part listens on, for messages.

use coordinator::machine::Pid;
use coordinator::tree::group_of;

/// The TCP ports that processes of this process group listen on, as far as the system tells.
pub(super) fn of_group(leader: Pid) -> Vec<u16> {
    let Ok(all) = listeners::get_all() else { return Vec::new() };
    let ours = |pid: u32| group_of(Pid(pid)) == Some(leader);
    let mut ports: Vec<u16> = all
        .into_iter()
        .filter(|listener| {
            // Connections are shown too.
            listener.state == listeners::SocketState::Listen
                && listener.protocol == listeners::Protocol::TCP
                && ours(listener.process.pid)
        })
        .map(|listener| listener.socket.port())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}
