//! Which ports a part listens on, for messages.

use coordinator::machine::Pid;
use coordinator::tree::Child;

/// The TCP ports that this process and what it has started listen on, as far as the system tells.
pub(super) fn of(child: &Child) -> Vec<u16> {
    let Ok(all) = listeners::get_all() else { return Vec::new() };
    let mut ports: Vec<u16> = all
        .into_iter()
        .filter(|listener| {
            // Connections are shown too.
            listener.state == listeners::SocketState::Listen
                && listener.protocol == listeners::Protocol::TCP
                && child.has(Pid(listener.process.pid))
        })
        .map(|listener| listener.socket.port())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}
