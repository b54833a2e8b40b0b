//! What the old worker does before the point of no return.

#[cfg(unix)]
use std::os::fd::AsFd;
use std::time::Duration;

use coordinator::machine::Pid;
use coordinator::{Tenure, failpoint};
use oneworker_supervisor::Supervisor;
use tokio::time::Instant;

use super::passing::SocketSender;
use crate::server::HttpServer;

/// The result of the preparations.
pub(crate) enum HandoverDecision {
    /// The tenure must end now: the successor waits for it. The sender passes the sockets, if they
    /// can be passed.
    Leave(Option<SocketSender>),
    /// The successor is gone. Everything is as it was before.
    Stay,
}

/// The pause between two checks whether the server is quiet, and whether the successor lives.
const STEP: Duration = Duration::from_millis(5);

/// Prepares a handover. Until this returns, the worker can continue as if nothing had happened.
///
/// It waits for at most `limit` for a moment without a request in progress. So a client need not
/// wait for the slow request of another one: meanwhile all requests are served. Cancelling leaves
/// everything as it was.
pub(crate) async fn drain(
    tenure: &Tenure,
    server: Option<&HttpServer>,
    supervisor: &Supervisor,
    limit: Duration,
) -> HandoverDecision {
    failpoint::hit("hand_over.draining");
    let until = Instant::now() + limit;
    let is_busy = || server.is_some_and(|server| !server.is_quiet());
    while is_busy() && Instant::now() < until && tenure.successor_lives().await {
        tokio::time::sleep(STEP).await;
    }
    let sender = match tenure.successor().await {
        Some(successor) => open_sender(tenure, server, supervisor, successor.pid).await,
        None => None,
    };
    failpoint::hit("hand_over.passed");
    if tenure.successor_lives().await {
        return HandoverDecision::Leave(sender);
    }
    tenure.keep_office().await;
    tracing::warn!("the successor is gone: this worker stays in office");
    HandoverDecision::Stay
}

/// Gives the successor the socket that clients connect to. If that is not possible, clients are
/// refused until the successor has bound the port.
#[cfg(unix)]
async fn open_sender(
    tenure: &Tenure,
    server: Option<&HttpServer>,
    supervisor: &Supervisor,
    successor: Pid,
) -> Option<SocketSender> {
    let of_command = supervisor.socket();
    let socket = match (&of_command, supervisor.serves()) {
        (Some(socket), _) => socket.as_fd(),
        (None, false) => server?.socket()?,
        // A socket that the command has bound can't be passed.
        (None, true) => return None,
    };
    match SocketSender::open(tenure.id().state_dir(), successor, socket).await {
        Ok(sender) => Some(sender),
        Err(error) => {
            tracing::warn!("the listening socket is not passed on: {error}");
            None
        }
    }
}

#[cfg(not(unix))]
async fn open_sender(_: &Tenure, _: Option<&HttpServer>, _: &Supervisor, _: Pid) -> Option<SocketSender> {
    None
}
