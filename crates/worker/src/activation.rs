//! The listening socket that a service manager has opened for this worker (`systemd.socket(5)`).
//! The worker serves on it, and binds none.
//!
//! The socket is inspected before anything else. If it is not the identity's, the process ends and
//! has touched nothing. A worker that loses the claim closes its copy. The socket stays open: the
//! manager has it, and so has the running worker.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use coordinator::PortChoice;
use coordinator::system::{PassedSocketError, passed_listener};
use oneworker_supervisor::{Plan, SocketMode};
use thiserror::Error;

/// Why a worker can't serve on the socket that it was started with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// It is not a listening socket.
    #[error(transparent)]
    Socket(#[from] PassedSocketError),
    /// It is not the identity's.
    #[error("the socket that was passed to this worker is at {found}, and the identity's is at {wanted}")]
    Elsewhere {
        /// Where it is.
        found: SocketAddr,
        /// Where it should be.
        wanted: String,
    },
    /// The command that serves binds its own socket, but the port is taken by this one.
    #[error("a socket was passed to this worker, whose command makes one of its own on the same port")]
    OwnSocket,
}

/// Returns the socket that was passed to this process, if one was.
pub(crate) fn take(port: PortChoice, plan: &Plan) -> Result<Option<TcpListener>, ActivationError> {
    let Some(socket) = passed_listener()? else { return Ok(None) };
    let found = socket
        .local_addr()
        .map_err(|error| ActivationError::Socket(PassedSocketError::NotListening(error)))?;
    if !is_of(port, found) {
        let port = match port {
            PortChoice::Fixed(port) => port.to_string(),
            PortChoice::Auto => "any port".to_owned(),
        };
        return Err(ActivationError::Elsewhere { found, wanted: format!("{}, {port}", Ipv4Addr::LOCALHOST) });
    }
    if plan.command.as_ref().is_some_and(|command| command.socket == SocketMode::Own) {
        return Err(ActivationError::OwnSocket);
    }
    Ok(Some(socket))
}

/// Returns whether an identity with this choice of a port may have its socket there.
pub(crate) fn is_of(port: PortChoice, address: SocketAddr) -> bool {
    let at_port = match port {
        PortChoice::Fixed(port) => address.port() == port.get(),
        PortChoice::Auto => true,
    };
    at_port && address.ip() == Ipv4Addr::LOCALHOST
}
