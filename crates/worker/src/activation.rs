//! A worker that a service manager starts with its listening socket already open (`systemd.socket(5)`): it serves on that one, and binds none.
//!
//! Looked at before anything else, so that a socket that is not the identity's ends a process that has touched nothing. Who loses office closes its
//! copy, and the socket stays as it is: the manager has it, and so has the worker in office.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use coordinator::PortChoice;
use coordinator::system::{PassedSocketError, passed_listener};
use thiserror::Error;

use crate::children::{Plan, Socket};

/// Why a worker can't serve on the socket that it was started with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// It is none that can be listened on.
    #[error(transparent)]
    Socket(#[from] PassedSocketError),
    /// It is another one.
    #[error("the socket that was passed to this worker is at {found}, and the identity's is at {wanted}")]
    Elsewhere {
        /// Where it is.
        found: SocketAddr,
        /// Where it is to be.
        wanted: String,
    },
    /// The command that serves makes a socket of its own, for which there is no port then.
    #[error("a socket was passed to this worker, whose command makes one of its own on the same port")]
    OwnSocket,
}

/// The socket that was passed to this process, if one was.
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
    if plan.command.as_ref().is_some_and(|command| command.socket == Socket::Own) {
        return Err(ActivationError::OwnSocket);
    }
    Ok(Some(socket))
}

/// Whether an identity with this choice of a port has its socket there.
pub(crate) fn is_of(port: PortChoice, address: SocketAddr) -> bool {
    let at_port = match port {
        PortChoice::Fixed(port) => address.port() == port.get(),
        PortChoice::Auto => true,
    };
    at_port && address.ip() == Ipv4Addr::LOCALHOST
}
