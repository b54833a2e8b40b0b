//! Handing office over: both sides.
//!
//! The old worker says in its directory for whom office is kept *before* it leaves, and the successor takes office only if that still stands there:
//! so a hand-over that the old worker has given up can't come true later, and nobody comes between the two.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::held::Published;
use super::office::{read_record, take_office};
use super::{Claim, EpochFloor, Holder, Tenure, TenureError};
use crate::deadline::Deadline;
use crate::ensure::proven_predecessor;
use crate::failpoint;
use crate::layout;
use crate::machine::{HandOver, HandOverReply};
use crate::machine::{Machine, Pid, ProcessIdentity, Readiness, TenureLook};
use crate::record::{self, READ_LIMIT, WorkerState};
use crate::request::EnsureRequest;
use crate::sabotage::{self, Sabotage};
use crate::upgrade::{Heir, Predecessor, Successor, code, heir_of, lives};
use crate::worker_id::WorkerId;

/// From which worker this process takes over, and how long that may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takeover {
    /// The worker that must hand over.
    pub predecessor: Predecessor,
    /// How long it may take to leave after it agreed.
    pub patience: Duration,
    /// How long it may take to prove itself, and again to answer the request.
    pub answer_within: Duration,
}

impl Takeover {
    /// Returns a takeover from `predecessor` that waits for `patience` until that has left.
    pub fn new(predecessor: Predecessor, patience: Duration) -> Self {
        Self { predecessor, patience, answer_within: EnsureRequest::DEFAULT_DEADLINE }
    }
}

/// Why a worker does not hand over.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandOverRefused {
    /// It does not serve yet, or no longer.
    #[error("this worker is not serving")]
    NotServing,
    /// It hands over already.
    #[error("this worker hands over to pid {0} already")]
    Promised(Pid),
    /// There is no such process.
    #[error("there is no process with pid {0} and that start time")]
    NoSuchProcess(Pid),
    /// It can't be said for whom office is kept.
    #[error("successor.json can't be written: {0}")]
    Unwritten(String),
}

/// How office comes to a successor.
enum Way {
    /// The old worker goes, and keeps it for this process.
    Agreed,
    /// The old worker is gone: this is a worker like any other.
    Vacant,
}

impl Tenure {
    /// Takes office from the worker that is in it: asks it to hand over, and waits for the lock as long as `takeover` says. Up to that moment neither port
    /// nor database nor record is touched, and the old worker serves for as long as it likes. If it is not in office any more, this is
    /// [`Tenure::claim_above`].
    ///
    /// Cancelling leaves the old worker as it is; one that has agreed notices that nobody comes when this process ends.
    ///
    /// # Errors
    /// [`TenureError::NotHandedOver`], or as [`Tenure::claim_above`]. The launcher is told.
    pub async fn succeed(
        machine: &Machine,
        id: &WorkerId,
        guardian: Option<ProcessIdentity>,
        readiness: Box<dyn Readiness>,
        floor: &dyn EpochFloor,
        takeover: Takeover,
    ) -> Result<Claim, TenureError> {
        let Takeover { predecessor, patience, .. } = takeover;
        let until = Deadline::after(&*machine.clock, patience, "taking over");
        let way = match ask(machine, id, takeover).await {
            Ok(way) => way,
            Err(error) => {
                readiness.report(&error.report());
                return Err(error);
            }
        };
        if matches!(way, Way::Vacant) {
            return Self::claim_above(machine, id, guardian, readiness, floor).await;
        }
        failpoint::hit("succeed.agreed");
        let readiness: Arc<dyn Readiness> = readiness.into();
        let claim = Self::inherit(machine, id, guardian, &readiness, floor, predecessor, until).await;
        Self::report_claim(&*readiness, &claim);
        claim
    }

    /// Waits for the lock, as long as office is kept for this process.
    async fn inherit(
        machine: &Machine,
        id: &WorkerId,
        guardian: Option<ProcessIdentity>,
        readiness: &Arc<dyn Readiness>,
        floor: &dyn EpochFloor,
        predecessor: Predecessor,
        until: Deadline,
    ) -> Result<Claim, TenureError> {
        let clock = &*machine.clock;
        loop {
            let look = machine.locks.look(&id.state_dir).await;
            let look = look.map_err(|source| TenureError::Lock { path: id.state_dir.clone(), source })?;
            if look == TenureLook::Free {
                // Whoever is found at the lock all the same lets go of it at once, as it is not for him.
                if let Ok(office) = take_office(machine, id).await? {
                    let heir = heir_of(machine, office.directory()).await;
                    if !matches!(heir, Heir::Myself) {
                        return Err(withdrawn());
                    }
                    failpoint::hit("succeed.locked");
                    let begun =
                        Self::begin(machine, id, guardian, office, Arc::clone(readiness), floor, heir).await;
                    return begun.map(Claim::Won);
                }
            } else if !is_kept(machine, id).await {
                return match look {
                    TenureLook::Held { by: Some(by) } if by != predecessor.pid => {
                        Ok(Claim::Lost(Holder { pid: Some(by), record: None }))
                    }
                    _ => Err(withdrawn()),
                };
            }
            if until.passed(clock) {
                let message = format!("the worker (pid {}) has not left in time", predecessor.pid);
                return Err(TenureError::NotHandedOver { code: code::LATE, message });
            }
            until.pause(clock, Duration::from_micros(500 + clock.random() % 4000)).await;
        }
    }

    /// Agrees to hand over: from now on nobody but this successor takes office when it is left. What is left to do is to leave, or to
    /// [keep office](Tenure::keep_office) if the successor dies before that.
    ///
    /// # Errors
    /// [`HandOverRefused`]: nothing has changed.
    pub async fn hand_over_to(&self, request: &HandOver) -> Result<(), HandOverRefused> {
        failpoint::hit("hand_over.asked");
        if self.check_office().await.is_err() {
            return Err(HandOverRefused::NotServing);
        }
        let mut published = self.published.lock().await;
        let Published { record, files, successor, .. } = &mut *published;
        if record.state != WorkerState::Ready {
            return Err(HandOverRefused::NotServing);
        }
        if let Some(promised) = successor.as_ref().map(|successor| successor.process.clone())
            && promised != request.successor
            && lives(&self.machine, &promised).await
        {
            return Err(HandOverRefused::Promised(promised.pid));
        }
        let same_boot = request.successor.boot_id == self.process.boot_id;
        if !same_boot || !lives(&self.machine, &request.successor).await {
            return Err(HandOverRefused::NoSuchProcess(request.successor.pid));
        }
        let kept = Successor {
            schema: 1,
            process: request.successor.clone(),
            until: self.machine.clock.now() + request.lasts(),
        };
        let written = files.put(self.directory(), layout::SUCCESSOR, record::render(&kept)).await;
        written.map_err(|error| HandOverRefused::Unwritten(error.to_string()))?;
        *successor = Some(kept);
        failpoint::hit("hand_over.agreed");
        Ok(())
    }

    /// To whom this worker hands over, if it has agreed to.
    pub async fn successor(&self) -> Option<ProcessIdentity> {
        self.published.lock().await.successor.as_ref().map(|successor| successor.process.clone())
    }

    /// Whether the one that this worker hands over to still lives, and its time has not passed. To be asked with each step of the drain.
    pub async fn successor_lives(&self) -> bool {
        if sabotage::on(Sabotage::DeadSuccessorTrusted) {
            return true;
        }
        let successor = self.published.lock().await.successor.clone();
        match successor {
            Some(kept) => self.machine.clock.now() < kept.until && lives(&self.machine, &kept.process).await,
            None => false,
        }
    }

    /// What became of a hand-over for which this process has left office: waits until the successor or anybody else serves (`false`), or the successor is
    /// dead, nobody has served, and office is vacant (`true`): then this process may claim it again, so that there is never nobody who tries. For at most
    /// `patience`, after which it is the successor's own affair. To be called when the tenure is dropped, and its lock with it.
    ///
    /// Cancelling changes nothing.
    pub async fn succession_failed(
        machine: &Machine,
        id: &WorkerId,
        successor: &ProcessIdentity,
        patience: Duration,
    ) -> bool {
        let until = Deadline::after(&*machine.clock, patience, "watching the successor");
        loop {
            let lived = lives(machine, successor).await;
            if another_has_served(machine, id).await {
                return false;
            }
            if !lived {
                // Whoever holds it now is a worker, or ends.
                return matches!(machine.locks.look(&id.state_dir).await, Ok(TenureLook::Free));
            }
            if until.passed(&*machine.clock) {
                return false;
            }
            until.pause(&*machine.clock, Duration::from_millis(20)).await;
        }
    }

    /// Gives up handing over: office is kept for nobody any more. For a worker that has not left yet.
    pub async fn keep_office(&self) {
        let mut published = self.published.lock().await;
        let Published { files, successor, .. } = &mut *published;
        if successor.take().is_some() {
            // Through the held directory. If it stays, it keeps nobody out whose successor is dead.
            let _ = files.withdraw(self.directory(), layout::SUCCESSOR).await;
        }
    }
}

/// Asks the worker in office for it.
async fn ask(machine: &Machine, id: &WorkerId, takeover: Takeover) -> Result<Way, TenureError> {
    let Takeover { predecessor, patience, answer_within } = takeover;
    failpoint::hit("succeed.start");
    let refused = |message: String| TenureError::NotHandedOver { code: code::REFUSED, message };
    let proven = proven_predecessor(machine, id, predecessor, answer_within).await;
    let Some((address, token)) = proven.map_err(|error| refused(error.to_string()))? else {
        return vacant_or(
            machine,
            id,
            refused("the worker in office does not answer, or is another".to_owned()),
        )
        .await;
    };
    failpoint::hit("succeed.proved");
    let lasts_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
    let request = HandOver { successor: machine.processes.me(), lasts_ms };
    let asked = machine.network.request_hand_over(address, &token, &request);
    let answered = Deadline::after(&*machine.clock, answer_within, "asking for the office")
        .limit(&*machine.clock, asked)
        .await;
    match answered {
        Ok(Ok(HandOverReply::Agreed)) => Ok(Way::Agreed),
        Ok(Ok(HandOverReply::Unknown)) => Err(TenureError::NotHandedOver {
            code: code::UNKNOWN,
            message: "the worker in office does not know such requests".to_owned(),
        }),
        Ok(Ok(HandOverReply::Refused(why))) => vacant_or(machine, id, refused(why)).await,
        Ok(Err(error)) => vacant_or(machine, id, refused(error.to_string())).await,
        Err(_) => Err(refused("the worker in office does not answer".to_owned())),
    }
}

async fn vacant_or(machine: &Machine, id: &WorkerId, error: TenureError) -> Result<Way, TenureError> {
    match machine.locks.look(&id.state_dir).await {
        Ok(TenureLook::Free) => Ok(Way::Vacant),
        _ => Err(error),
    }
}

/// Whether office is kept for this process.
async fn is_kept(machine: &Machine, id: &WorkerId) -> bool {
    let (files, dir) = (&*machine.files, &id.state_dir);
    let successor: Option<Successor> = record::read(files, dir, layout::SUCCESSOR, READ_LIMIT).await;
    successor.is_some_and(|successor| successor.process == machine.processes.me())
}

/// Whether another process has come to serve since this one left office, also if it has ended in good order since. One that has failed in its start has no
/// address.
async fn another_has_served(machine: &Machine, id: &WorkerId) -> bool {
    let me = machine.processes.me();
    read_record(machine, id).await.is_some_and(|record| {
        !record.is_of(&me) && record.state != WorkerState::Starting && record.address.is_some()
    })
}

fn withdrawn() -> TenureError {
    let message = "the worker in office has changed its mind, or office is kept for somebody else".to_owned();
    TenureError::NotHandedOver { code: code::REFUSED, message }
}
