#[cfg(unix)]
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use coordinator::machine::Pid;
use coordinator::{Tenure, failpoint};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Outgoing;
use crate::serve::House;

/// How those who answer requests tell the worker that it has agreed to hand over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed(Arc<Notify>);

impl Agreed {
    /// Tells it.
    pub(crate) fn tell(&self) {
        self.0.notify_one();
    }

    /// Waits until it is told.
    pub(crate) async fn told(&self) {
        self.0.notified().await;
    }
}

/// What came of getting ready to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// Office is to be left now: the successor waits for it.
    Leave,
    /// The successor is gone. All is as it was before.
    Stay,
}

/// How often is looked whether there is quiet, and whether the successor still lives.
const STEP: Duration = Duration::from_millis(5);

/// All that is done for a hand-over before the point of no return: up to here the worker can go on as if nothing had been. After it, the stop goes
/// its way as ever, but for the connections, which are passed on.
///
/// For at most `limit`, a moment is waited for in which no request is being answered: nobody has to wait for one that takes long, since all others are
/// served meanwhile. Cancelling leaves everything as it was.
pub(crate) async fn drain(tenure: &Tenure, house: &mut House, limit: Duration) -> Drained {
    failpoint::hit("hand_over.draining");
    let until = Instant::now() + limit;
    let is_busy = |house: &House| house.server.as_ref().is_some_and(|server| !server.is_quiet());
    while is_busy(house) && Instant::now() < until && tenure.successor_lives().await {
        tokio::time::sleep(STEP).await;
    }
    if let Some(successor) = tenure.successor().await {
        house.outgoing = open(tenure, house, successor.pid).await;
    }
    failpoint::hit("hand_over.passed");
    if tenure.successor_lives().await {
        return Drained::Leave;
    }
    house.outgoing = None;
    tenure.keep_office().await;
    tracing::warn!("the successor is gone: this worker stays in office");
    Drained::Stay
}

/// Gives the successor the socket that clients come to. Where that can't be done, they are refused until it has bound the port.
#[cfg(unix)]
async fn open(tenure: &Tenure, house: &House, successor: Pid) -> Option<Outgoing> {
    let of_command = house.children.socket();
    let socket = match (&of_command, house.children.serves()) {
        (Some(socket), _) => socket.as_fd(),
        (None, false) => house.server.as_ref()?.socket()?,
        // A command's own socket is nobody else's.
        (None, true) => return None,
    };
    match Outgoing::open(tenure.spec().state_dir(), successor, socket).await {
        Ok(outgoing) => Some(outgoing),
        Err(error) => {
            tracing::warn!("the listening socket is not passed on: {error}");
            None
        }
    }
}

#[cfg(not(unix))]
async fn open(_: &Tenure, _: &House, _: Pid) -> Option<Outgoing> {
    None
}
