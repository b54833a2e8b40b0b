#[cfg(unix)]
use std::os::fd::AsFd;
use std::sync::Arc;

use coordinator::machine::Pid;
use coordinator::{Tenure, failpoint};
use tokio::sync::Notify;

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

/// All that is done for a hand-over before the point of no return: up to here the worker can go on as if nothing had been. After it, the stop goes
/// its way as ever, but for the connections, which are passed on.
pub(crate) async fn drain(tenure: &Tenure, house: &mut House) -> Drained {
    failpoint::hit("hand_over.draining");
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
