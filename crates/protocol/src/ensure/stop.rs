//! Stopping the worker on request.

use std::time::Duration;

use super::budget::{POLL, RECORD_PAUSE};
use super::context::{Context, Phase};
use super::holder::{self, Holder};
use super::probe::{Probed, probe};
use crate::deadline::Deadline;
use crate::error::EnsureError;
use crate::failpoint;
use crate::identity::Epoch;
use crate::machine::{Activity, Machine, Pid, ProcessIdentity, ProcessInfo, Signal, TenureLook};
use crate::record::Record;
use crate::request::EnsureRequest;
use crate::worker_id::WorkerId;

/// How a worker is stopped.
#[derive(Clone, Debug)]
pub struct StopRequest {
    /// What the worker's log and its history say about why.
    pub why: String,
    /// Whether a worker that does not obey is signalled.
    pub force: bool,
    /// How long this may take.
    pub deadline: Duration,
    /// After how long of silence sessions replace the worker. An error says it of a worker that did
    /// not answer.
    pub hang_limit: Duration,
}

impl StopRequest {
    /// Returns a request that signals no process and has the usual limits.
    pub fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            force: false,
            deadline: EnsureRequest::DEFAULT_DEADLINE,
            hang_limit: EnsureRequest::DEFAULT_HANG_LIMIT,
        }
    }
}

/// The result of a request to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// No worker was running.
    NothingRan,
    /// The worker ended: the tenure lock is free, or another worker holds it.
    Ended {
        /// Its process.
        pid: Option<Pid>,
        /// Its epoch.
        epoch: Option<Epoch>,
        /// Whether it had to be signalled.
        forced: bool,
    },
}

/// Asks the running worker to stop, and waits until it no longer holds the *tenure lock*. A worker
/// that takes over meanwhile is another one, and left alone.
///
/// With [`StopRequest::force`], a worker that can't be asked, or has not left after half of the deadline, gets
/// SIGTERM, and SIGKILL after three quarters. Only the process that the kernel names as the lock's
/// holder is signalled.
///
/// # Errors
/// [`EnsureError::Leaving`] or [`EnsureError::Unresponsive`] if it did not leave by the deadline.
pub async fn request_stop(
    machine: &Machine,
    id: &WorkerId,
    request: &StopRequest,
) -> Result<Stopped, EnsureError> {
    let cx = Context::unwatched(machine, id, request.deadline);
    let stopped = cx.budget.call().limit(cx.clock(), stop(&cx, request)).await;
    stopped.unwrap_or_else(|_| Err(cx.too_late()))
}

async fn stop(cx: &Context<'_>, request: &StopRequest) -> Result<Stopped, EnsureError> {
    let tenure = holder::inspect_tenure(cx).await?;
    if tenure == TenureLook::Free {
        return Ok(Stopped::NothingRan);
    }
    let meant = match holder::identify(cx, &tenure).await {
        Ok(Holder::Known(holder)) => Some(holder.identity),
        _ => None,
    };
    let record = cx.state.record().await;
    let obey = cx.budget.obey(cx.clock());
    let answer = ask_to_stop(cx, obey, &request.why, meant.as_ref()).await?;
    failpoint::hit("stop.asked");
    let terminate = cx.budget.terminate(cx.clock(), obey);
    let mut stop = Stop { cx, request, answer, obey, terminate, meant, record, sent: None, last: None };
    loop {
        if let Some(stopped) = stop.inspect().await? {
            return Ok(stopped);
        }
        cx.budget.inner().pause(cx.clock(), RECORD_PAUSE).await;
    }
}

/// What the worker answered to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopAnswer {
    /// It leaves.
    Agreed,
    /// It refused, or could not be asked.
    None,
}

/// A worker that was asked to stop.
struct Stop<'c, 'a> {
    cx: &'c Context<'a>,
    request: &'c StopRequest,
    answer: StopAnswer,
    /// By when it has to obey the request.
    obey: Deadline,
    /// By when it has to obey SIGTERM.
    terminate: Deadline,
    /// The process that must stop. If it is not known yet, it is the first one that is found to
    /// hold the lock.
    meant: Option<ProcessIdentity>,
    record: Option<Record>,
    /// The last signal that was sent.
    sent: Option<Signal>,
    /// The last process that was found to hold the lock.
    last: Option<Pid>,
}

impl Stop<'_, '_> {
    /// Inspects the lock once, and signals its holder if that is due. Returns the result once the
    /// worker has left.
    async fn inspect(&mut self) -> Result<Option<Stopped>, EnsureError> {
        let cx = self.cx;
        let tenure = holder::inspect_tenure(cx).await?;
        if tenure == TenureLook::Free {
            let recorded = || self.record.as_ref().map(|record| record.process.pid);
            return Ok(Some(self.ended(self.last.or_else(recorded))));
        }
        let late = cx.budget.inner().passed(cx.clock());
        let holder = match holder::identify(cx, &tenure).await {
            Ok(Holder::Known(holder)) => *holder,
            Ok(Holder::Leaked(pids)) if late => {
                return Err(EnsureError::LockLeaked { path: cx.id.state_dir.clone(), pids });
            }
            // A worker that agreed is waited for even if it can't be inspected: its lock tells.
            Err(error) if late || self.answer == StopAnswer::None => return Err(error),
            Ok(Holder::Changing | Holder::Leaked(_)) | Err(_) => return Ok(None),
        };
        let meant = self.meant.get_or_insert_with(|| holder.identity.clone()).clone();
        if holder.identity != meant {
            return Ok(Some(self.ended(Some(meant.pid))));
        }
        self.last = Some(meant.pid);
        cx.enter(Phase::Leaving(meant.pid));
        if cx.budget.inner().passed(cx.clock()) {
            return Err(self.not_left(&holder));
        }
        self.signal(&holder).await?;
        Ok(None)
    }

    fn ended(&self, pid: Option<Pid>) -> Stopped {
        let epoch = self.record.as_ref().and_then(|record| record.epoch);
        Stopped::Ended { pid, epoch, forced: self.sent.is_some() }
    }

    fn not_left(&self, holder: &ProcessInfo) -> EnsureError {
        let (pid, activity, waited) = (holder.identity.pid, holder.activity, self.cx.waited());
        match (self.answer, activity) {
            (StopAnswer::Agreed, Activity::Alive) => EnsureError::Leaving { pid, waited },
            _ => EnsureError::Unresponsive {
                pid,
                activity,
                busy: false,
                silent_for: waited,
                limit: self.request.hang_limit,
            },
        }
    }

    /// Sends the signal that is due, once.
    async fn signal(&mut self, holder: &ProcessInfo) -> Result<(), EnsureError> {
        let clock = self.cx.clock();
        let due = if self.terminate.passed(clock) {
            Some(Signal::Kill)
        } else if self.answer == StopAnswer::None || self.obey.passed(clock) {
            Some(Signal::Terminate)
        } else {
            None
        };
        if let Some(signal) = due.filter(|due| self.request.force && self.sent != Some(*due)) {
            holder::refuse_traced(holder)?;
            holder::signal(self.cx, &holder.identity, signal).await?;
            self.sent = Some(signal);
        }
        Ok(())
    }
}

/// Asks the worker over HTTP. Only a worker that proved itself is sent the token.
async fn ask_to_stop(
    cx: &Context<'_>,
    until: Deadline,
    why: &str,
    meant: Option<&ProcessIdentity>,
) -> Result<StopAnswer, EnsureError> {
    while !until.passed(cx.clock()) {
        // The token is read while the process that is meant still holds the lock. A later worker
        // has another token, and does not obey this one.
        let token = cx.state.token().await;
        if is_replaced(cx, meant).await? {
            return Ok(StopAnswer::None);
        }
        let health = match probe(cx, until.remaining(cx.clock())).await? {
            Probed::Leaving => return Ok(StopAnswer::Agreed),
            // It can't be asked yet.
            Probed::Starting { proven: None, .. } => {
                until.pause(cx.clock(), POLL).await;
                continue;
            }
            probed => match probed.proven() {
                Some(health) => health,
                None => return Ok(StopAnswer::None),
            },
        };
        failpoint::hit("stop.looked");
        let asked = cx.machine.network.request_stop(health.address, &token, why);
        return Ok(match until.limit(cx.clock(), asked).await {
            Ok(Ok(())) => StopAnswer::Agreed,
            _ => StopAnswer::None,
        });
    }
    Ok(StopAnswer::None)
}

/// Returns whether another process than the one that is meant holds the lock.
async fn is_replaced(cx: &Context<'_>, meant: Option<&ProcessIdentity>) -> Result<bool, EnsureError> {
    let Some(meant) = meant else { return Ok(false) };
    let tenure = holder::inspect_tenure(cx).await?;
    Ok(match holder::identify(cx, &tenure).await {
        Ok(Holder::Known(holder)) => holder.identity != *meant,
        _ => false,
    })
}
