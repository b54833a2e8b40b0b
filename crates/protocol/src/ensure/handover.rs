//! Step [`Next::HandOver`]: a successor of this session's version is launched while the running
//! worker serves.
//!
//! Whatever comes of it, sessions that can talk to the running worker have one all the time. It
//! serves until its successor is ready to take over, and goes on serving if the successor fails.
//! Here only the ledger is written; the two workers agree between themselves.

use super::budget::{FIRST_PROBE, HAND_OVER_POLL, LONGEST_HAND_OVER, RECORD_PAUSE};
use super::context::{Call, Phase};
use super::next::{Elected, Next, Retirement};
use super::probe::{Probed, probe};
use super::reuse::{keep, not_replaced, permit, reuse, too_new};
use super::successor::{self, Miss};
use super::worker::{Outcome, ReplaceReason, Worker};
use crate::deadline::Deadline;
use crate::error::EnsureError;
use crate::failpoint;
use crate::identity::Epoch;
use crate::machine::{EventKind, Moment, ProcessIdentity};
use crate::proof::Health;
use crate::record::{Record, WorkerState};
use crate::upgrade::{Begun, LastGood, Ledger, Predecessor, Refusal, UpgradePolicy, lives};

/// Has the running worker hand over to a successor of this session's version, if it may.
pub(super) async fn hand_over(
    cx: &Call<'_>,
    elected: Elected,
    health: Box<Health>,
) -> Result<Next, EnsureError> {
    if cx.budget.inner().passed(cx.clock()) {
        return Err(cx.too_late());
    }
    let mut upgrade = Upgrade::begin(cx, health).await;
    let predecessor = match upgrade.prepare().await {
        Ok(predecessor) => predecessor,
        Err(Obstacle::Refused(refusal)) => return upgrade.settle_for(refusal).await,
        Err(Obstacle::Changed) => {
            cx.budget.inner().pause(cx.clock(), RECORD_PAUSE).await;
            return Ok(Next::Elect);
        }
    };
    cx.enter(upgrade.phase());
    let deadline = upgrade.deadline();
    match successor::launch(cx, &*elected, predecessor, &mut upgrade.ledger, deadline).await {
        Ok(epoch) => upgrade.handed(epoch).await,
        Err(miss) => upgrade.missed(elected, miss).await,
    }
}

/// A hand-over from the running worker to this session's version.
struct Upgrade<'c, 'a> {
    cx: &'c Call<'a>,
    health: Box<Health>,
    ledger: Ledger,
}

/// Why no hand-over is begun.
enum Obstacle {
    /// The running worker is not what it was when it proved itself.
    Changed,
    /// It may not be replaced.
    Refused(Refusal),
}

impl From<Refusal> for Obstacle {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<'c, 'a> Upgrade<'c, 'a> {
    async fn begin(cx: &'c Call<'a>, health: Box<Health>) -> Self {
        let mut ledger = cx.state.ledger().await;
        ledger.recognise(&health.version, health.epoch, cx.clock().now());
        Self { cx, health, ledger }
    }

    fn phase(&self) -> Phase {
        Phase::HandingOver(self.health.pid)
    }

    /// Returns by when this session settles for the running worker, or gives up if it can't use
    /// that.
    fn deadline(&self) -> Deadline {
        let budget = &self.cx.budget;
        let deadline = if self.cx.can_use(&self.health) { budget.settle() } else { budget.inner() };
        deadline.step(self.phase().activity())
    }

    async fn save(&mut self) -> std::io::Result<()> {
        self.cx.state.write_ledger(&mut self.ledger).await
    }

    /// Checks that the worker may be replaced, and notes that this is begun.
    async fn prepare(&mut self) -> Result<Predecessor, Obstacle> {
        let (cx, request) = (self.cx, self.cx.request);
        self.close_open().await?;
        if !self.is_serving().await {
            return Err(Obstacle::Changed);
        }
        permit(cx, &self.ledger, &self.health)?;
        let predecessor = self.predecessor().await.ok_or(Obstacle::Changed)?;
        let from = LastGood { version: self.health.version.clone(), program: self.program().await };
        let now = cx.clock().now();
        if request.upgrade == UpgradePolicy::Chosen {
            self.ledger.choose(&cx.id.version, now);
        }
        self.ledger.begin(&cx.id.version, from, self.health.epoch, now, request.upgrade_limits);
        // Without a note it could be begun again and again. A worker that this session can't use is
        // replaced all the same.
        if let Err(error) = self.save().await
            && cx.can_use(&self.health)
        {
            return Err(Refusal::NotNoted(error.to_string()).into());
        }
        failpoint::hit("hand_over.noted");
        Ok(predecessor)
    }

    /// Waits for hand-overs that other sessions began and did not see to their end, as long as this
    /// worker serves. Closes those whose successor is dead.
    ///
    /// # Errors
    /// If one goes on for longer than this session has time.
    async fn close_open(&mut self) -> Result<(), Refusal> {
        let deadline = self.deadline();
        for (version, at, begun) in self.ledger.open() {
            if self.has_succeeded(&begun).await {
                self.ledger.took_office(&version, self.health.epoch, at);
                let _ = self.save().await;
                continue;
            }
            // The successor of an earlier worker can't take over any more.
            if let Some(process) = begun.process.as_ref().filter(|_| begun.of == self.health.epoch) {
                match self.wait_for(process, at, deadline).await {
                    Other::Ended => {}
                    Other::Replaced => return Ok(()),
                    Other::GoesOn => return Err(Refusal::UnderWay { version, pid: process.pid }),
                }
            }
            let serving = self.is_serving().await.then_some(self.health.epoch);
            self.ledger.close(&version, serving, self.cx.clock().now());
            let _ = self.save().await;
        }
        Ok(())
    }

    /// Returns whether the running worker is this successor. Then its session ended before it could
    /// note that.
    async fn has_succeeded(&self, begun: &Begun) -> bool {
        let record = self.cx.state.record().await;
        let is_it = |process: &ProcessIdentity| record.as_ref().is_some_and(|record| record.is_of(process));
        begun.process.as_ref().is_some_and(is_it)
    }

    /// Waits for a successor that another session launched at `at`.
    async fn wait_for(&self, process: &ProcessIdentity, at: Moment, deadline: Deadline) -> Other {
        let clock = self.cx.clock();
        while clock.now().since(at) < LONGEST_HAND_OVER && lives(self.cx.machine, process).await {
            if !self.is_serving().await {
                return Other::Replaced;
            }
            if deadline.passed(clock) {
                return Other::GoesOn;
            }
            self.cx.enter(self.phase());
            deadline.pause(clock, HAND_OVER_POLL).await;
        }
        Other::Ended
    }

    /// Returns the running worker's record, if it is still the one that proved itself.
    async fn record(&self) -> Option<Record> {
        self.cx.state.record().await.filter(|record| record.epoch == Some(self.health.epoch))
    }

    async fn is_serving(&self) -> bool {
        self.record().await.is_some_and(|record| record.state == WorkerState::Ready)
    }

    /// Returns which process must hand over.
    async fn predecessor(&self) -> Option<Predecessor> {
        let record = self.record().await.filter(|record| record.process.pid == self.health.pid)?;
        let (epoch, pid) = (self.health.epoch, self.health.pid);
        Some(Predecessor { epoch, pid, start_time: record.process.start_time })
    }

    async fn program(&self) -> std::path::PathBuf {
        self.record().await.map(|record| record.program).unwrap_or_default()
    }

    /// Takes the running worker, since it may not be replaced. Fails if this session can't use it.
    async fn settle_for(&self, refusal: Refusal) -> Result<Next, EnsureError> {
        let (cx, health) = (self.cx, &self.health);
        if cx.can_use(health) {
            return Ok(Next::Done(keep(cx, health, Outcome::Waited, &refusal.words()).await));
        }
        if let Refusal::UnderWay { pid, .. } = refusal {
            return Err(EnsureError::Starting { pid: Some(pid), waited: cx.waited() });
        }
        let (attempts, log_tail) = refusal.failures();
        Err(EnsureError::CoolingDown {
            retry_in: refusal.retry_in(),
            attempts,
            last_error: not_replaced(cx, health, &refusal.words()),
            log_tail,
        })
    }

    /// Takes the successor.
    async fn handed(self, epoch: Epoch) -> Result<Next, EnsureError> {
        let (cx, old) = (self.cx, &self.health);
        cx.state.forget_suspicion().await;
        let why = ReplaceReason::Handed { pid: old.pid, version: old.version.clone() };
        cx.note(EventKind::Replaced, Some(old.pid), Some(why.to_string())).await;
        match probe(cx, cx.budget.unhurried()).await? {
            Probed::Ready(health) | Probed::Replaceable(health) => {
                Ok(Next::Done(Worker::proven(cx.id, &health, Outcome::Replaced { why })))
            }
            // This session's own program is too old for it: another hand-over would bring the same.
            Probed::Outdated(health) if health.epoch == epoch => Err(too_new(cx, &health).await),
            _ => Ok(Next::Elect),
        }
    }

    /// Goes on after an attempt that brought no successor: with the running worker, if this session
    /// can use it.
    async fn missed(self, elected: Elected, miss: Miss) -> Result<Next, EnsureError> {
        let is_usable = self.cx.can_use(&self.health);
        match miss {
            Miss::NotKnown => {
                let Self { health, ledger, .. } = self;
                Ok(Next::Retire(elected, Retirement { health, ledger }))
            }
            Miss::Changed(_) if !is_usable => Ok(Next::Elect),
            Miss::Changed(why) => still_running(self.cx, &why).await,
            Miss::Failed(error) if !is_usable => Err(error),
            Miss::Failed(error) => still_running(self.cx, &format!("its successor failed: {error}")).await,
            Miss::Late(late) if !is_usable => Err(self.cx.timed_out(late)),
            Miss::Late(_) => still_running(self.cx, "its successor is not ready yet").await,
        }
    }
}

/// What became of another session's hand-over.
enum Other {
    /// Its successor is dead, or its time is up.
    Ended,
    /// The worker that was to hand over no longer serves.
    Replaced,
    /// It goes on, and this session has no more time.
    GoesOn,
}

/// Takes the worker that runs now, whichever it is.
async fn still_running(cx: &Call<'_>, why: &str) -> Result<Next, EnsureError> {
    match probe(cx, FIRST_PROBE).await? {
        Probed::Replaceable(health) => Ok(Next::Done(keep(cx, &health, Outcome::Waited, why).await)),
        Probed::Ready(health) => Ok(Next::Done(reuse(cx, &health, Outcome::Waited).await)),
        _ => Ok(Next::Elect),
    }
}
