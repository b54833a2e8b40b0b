//! A call, from its first probe to its result: the loop over [`Next`].

use std::task::{Poll, Waker};

use super::await_claim::await_claim;
use super::context::Call;
use super::diagnosis::diagnose;
use super::election::elect;
use super::fast_path::{FirstProbe, first_probe, probe_before_all};
use super::find::find;
use super::handover::hand_over;
use super::launch::launch;
use super::next::Next;
use super::replacement::replace;
use super::retirement::retire;
use super::worker::Worker;
use crate::deadline::TimedOut;
use crate::error::EnsureError;
use crate::machine::Machine;
use crate::request::EnsureRequest;

/// Returns the identity's one worker: the running one, or a new one. `watcher` is told in words what
/// the call waits for, whenever that changes.
///
/// However many sessions call this at once, at most one worker runs. Each call returns a worker that
/// proved itself during that call, or one typed error, by the deadline of `request`.
///
/// Cancelling (dropping the future) leaves nothing behind. A worker that was already launched goes on
/// starting.
///
/// # Errors
/// See [`EnsureError`]; each variant has a stable [`code`](EnsureError::code).
pub async fn ensure_on(
    machine: &Machine,
    request: &EnsureRequest,
    watcher: &(dyn Fn(&str) + Send + Sync),
) -> Result<Worker, EnsureError> {
    let cx = Call::new(machine, request, watcher);
    match cx.budget.call().limit(cx.clock(), run(&cx)).await {
        Ok(Ok(worker)) => Ok(Worker { elapsed: cx.waited(), ..worker }),
        Ok(Err(error)) => {
            // Within what is left of the deadline.
            let _ = cx.budget.call().limit(cx.clock(), cx.state.note_refused(&error)).await;
            Err(error)
        }
        Err(TimedOut { .. }) => Err(cx.too_late()),
    }
}

/// Takes each step until the call is over.
async fn run(cx: &Call<'_>) -> Result<Worker, EnsureError> {
    // The first probe, if it is not answered soon. The election and the diagnosis go on beside it.
    let mut pending = None;
    let mut next = Next::Probe;
    loop {
        next = match next {
            Next::Done(worker) => return Ok(worker),
            Next::Probe => probe_before_all(cx, &mut pending).await?,
            Next::Find => find(cx).await?,
            Next::Elect => elect(cx, &mut pending).await?,
            Next::Diagnose(elected, inquiry) => diagnose(cx, elected, inquiry, &mut pending).await?,
            Next::Replace(elected, hung) => replace(cx, elected, hung).await?,
            Next::HandOver(elected, health) => hand_over(cx, elected, health).await?,
            Next::Retire(elected, retirement) => retire(cx, elected, retirement).await?,
            Next::Launch(elected, replaced) => launch(cx, elected, replaced).await?,
            Next::Await(elected, claim) => await_claim(cx, elected, claim).await?,
        };
    }
}

/// Returns the running worker if it proves itself at the first probe. That is what most calls come to.
///
/// The probe is polled once. So it needs no event loop on a machine whose probes block for at most
/// [`probe_once_limit`](super::probe_once_limit). `None` only means that [`ensure_on`] must be called.
pub fn probe_once(machine: &Machine, request: &EnsureRequest) -> Option<Worker> {
    let cx = Call::new(machine, request, &|_| {});
    let mut probed = std::pin::pin!(first_probe(&cx));
    // What is not done at the first poll would need an event loop.
    let polled = probed.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()));
    let Poll::Ready(Ok(FirstProbe::Found(worker))) = polled else { return None };
    Some(Worker { elapsed: cx.waited(), ..worker })
}
