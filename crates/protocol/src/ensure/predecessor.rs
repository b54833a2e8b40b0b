//! The successor's side of a hand-over: finding the worker that it is to take over from.

use std::net::SocketAddr;
use std::time::Duration;

use super::budget::LONGEST_HOLDER_PROBE;
use super::context::Context;
use super::probe::probe;
use crate::error::EnsureError;
use crate::machine::Machine;
use crate::upgrade::Predecessor;
use crate::worker_id::WorkerId;

/// Makes the worker prove itself that is to hand over, `within` this time. Returns its address and its bearer token, or
/// `None` if it does not answer or is another one.
pub(crate) async fn proven_predecessor(
    machine: &Machine,
    id: &WorkerId,
    predecessor: Predecessor,
    within: Duration,
) -> Result<Option<(SocketAddr, String)>, EnsureError> {
    let cx = Context::unwatched(machine, id, within);
    // The token comes first. Read later, it could belong to a later worker, which would then be
    // asked instead.
    let token = cx.state.token().await;
    let recorded = cx.state.record().await.map(|record| record.process);
    let named = (predecessor.pid, predecessor.start_time);
    if recorded.is_none_or(|process| (process.pid, process.start_time) != named) {
        return Ok(None);
    }
    let health = probe(&cx, LONGEST_HOLDER_PROBE).await?.proven();
    let health = health.filter(|health| (health.epoch, health.pid) == (predecessor.epoch, predecessor.pid));
    Ok(health.map(|health| (health.address, token)))
}
