//! The ports that a child listens on, for messages.

use coordinator::machine::Pid;
use coordinator::tree::Child;

/// Returns the TCP ports that the child and its descendants listen on, as far as the system tells.
pub(crate) fn listening_ports(child: &Child) -> Vec<u16> {
    let Ok(all) = listeners::get_all() else { return Vec::new() };
    let mut ports: Vec<u16> = all
        .into_iter()
        .filter(|listener| {
            // Connections are listed too.
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
