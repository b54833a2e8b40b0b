//! Diagnosis of a tenure lock that is held without a good answer: starting, leaving, busy, hung, stopped, leaked, elsewhere.

use std::time::Duration;

use super::holder::Holder;
use super::sight::{Pending, Verdict};
use super::suspicion::Silence;
use super::{Call, Phase, ReplaceReason};
use crate::error::EnsureError;
use crate::machine::{Activity, ElectionGuard, Pid, ProcessInfo, TenureLook};
use crate::proof::Health;
use crate::record::WorkerState;
use crate::sabotage::{self, Sabotage};

/// How long one probe of a worker in office may take; later ones are given longer.
const PATIENCE: Duration = Duration::from_millis(300);
pub(super) const LONGEST_PATIENCE: Duration = Duration::from_millis(1500);
/// Between two looks at a worker that can't be asked yet; longer each time, since each is noted.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(40);
/// How long a directory's lock may be held by nobody in particular before it is called leaked: those who look hold it for an instant, and a
/// worker whose files were all deleted puts them back at its next self-check, two seconds later at most.
const LEAK_PATIENCE: Duration = Duration::from_secs(3);

/// What diagnosis comes to, when it does not end the call.
pub(super) enum Diagnosis {
    /// The worker in office has proved itself after all.
    Ready(Box<Health>),
    /// The worker in office has proved itself, and is to hand over.
    Replaceable(Box<Health>),
    /// Nobody is in office.
    Vacant {
        /// Who was replaced, if that is why.
        replaced: Option<ReplaceReason>,
    },
}

impl Call<'_> {
    /// Looks at the tenure lock until it is free, or its holder is well, or there is something to tell the caller.
    ///
    /// `pending` is a probe from before the election. It stays in the line of a slow worker, while those made here go to its end each time.
    pub(super) async fn diagnose(
        &self,
        elected: &dyn ElectionGuard,
        pending: &mut Option<Pending<'_>>,
    ) -> Result<Diagnosis, EnsureError> {
        let mut patience = PATIENCE;
        let mut pause = PAUSE;
        let mut replaced = None;
        let mut leaked_since = None;
        self.enter(Phase::Looking);
        loop {
            let look = self.look_at_tenure().await?;
            if look == TenureLook::Free {
                let Some(heir) = self.kept_for().await else { return Ok(Diagnosis::Vacant { replaced }) };
                self.enter(Phase::Starting(Some(heir)));
                if self.inner_deadline().passed(self.clock()) {
                    return Err(self.too_late());
                }
                self.inner_deadline().pause(self.clock(), PAUSE).await;
                continue;
            }
            let watch = self.begin_watch().await;
            let verdict = self.look_beside(pending, patience).await?;
            match verdict {
                Verdict::Ready(health) => return Ok(Diagnosis::Ready(health)),
                Verdict::TooNew(health) => return Err(self.too_new(&health).await),
                Verdict::Outdated(health) | Verdict::Replaceable(health) => {
                    return Ok(Diagnosis::Replaceable(health));
                }
                _ if sabotage::on(Sabotage::HeldLockPassed) => {
                    // Else a call that goes round and round takes no time.
                    self.clock().sleep(PAUSE).await;
                    return Ok(Diagnosis::Vacant { replaced });
                }
                _ => {}
            }
            let mut holder = match self.identify(&look).await? {
                Holder::Known(holder) => *holder,
                Holder::Moving => {
                    self.clock().sleep(Duration::from_millis(1)).await;
                    self.in_time(&verdict, None)?;
                    continue;
                }
                Holder::Leaked(pids) => {
                    let since = *leaked_since.get_or_insert(watch.from);
                    if self.clock().now().since(since) >= LEAK_PATIENCE
                        || self.inner_deadline().passed(self.clock())
                    {
                        return Err(EnsureError::LockLeaked { path: self.spec.state_dir.clone(), pids });
                    }
                    self.inner_deadline().pause(self.clock(), 4 * PAUSE).await;
                    continue;
                }
            };
            leaked_since = None;
            let record = self.read_record().await;
            Self::refuse_traced(&holder)?;

            let starting = match &verdict {
                Verdict::Starting { .. } => true,
                // In office, but the record is another's: it has not come to writing its own.
                _ => record.is_some_and(|record| {
                    record.process != holder.identity && record.state != WorkerState::Ready
                }),
            };
            match verdict {
                Verdict::Starting { .. } => self.enter(Phase::Starting(Some(holder.identity.pid))),
                Verdict::Leaving => self.enter(Phase::Leaving(holder.identity.pid)),
                _ => {}
            }
            let asked = if matches!(verdict, Verdict::Silent) {
                patience
            } else {
                // Nothing was waited for yet.
                self.inner_deadline().pause(self.clock(), pause).await;
                let asked = pause;
                pause = (pause * 3 / 2).min(LONGEST_PAUSE);
                asked
            };
            let silence = self.suspect(&mut holder, watch, asked, starting).await;
            if silence.hung {
                replaced = self.replace_hung(elected, &holder, silence).await?.or(replaced);
                continue;
            }
            self.in_time(&verdict, Some((&holder, silence)))?;
            // Longer each time, since a slow worker should come to answer; but not past the moment at which it is to be replaced.
            let left = silence.limit.saturating_sub(silence.silent_for);
            patience = (patience * 3 / 2).min(LONGEST_PATIENCE).min(left.max(PATIENCE / 3));
        }
    }

    /// Looks, unless the pending probe brings a proof before that.
    async fn look_beside(
        &self,
        pending: &mut Option<Pending<'_>>,
        patience: Duration,
    ) -> Result<Verdict, EnsureError> {
        let Some(probe) = pending else { return self.look(patience).await };
        let early = tokio::select! {
            biased;
            early = probe => early?,
            verdict = self.look(patience) => return verdict,
        };
        *pending = None;
        match early {
            ready @ (Verdict::Ready(_) | Verdict::Replaceable(_)) => Ok(ready),
            // What it saw is long ago.
            _ => self.look(patience).await,
        }
    }

    /// Whether there is time for another look; if not, the error that says what was seen last.
    fn in_time(&self, verdict: &Verdict, holder: Option<(&ProcessInfo, Silence)>) -> Result<(), EnsureError> {
        if !self.inner_deadline().passed(self.clock()) {
            return Ok(());
        }
        let waited = self.waited();
        Err(match (verdict, holder) {
            (Verdict::Foreign { address, what }, _) => {
                EnsureError::Foreign { address: *address, what: what.clone() }
            }
            (_, None) => self.too_late(),
            (Verdict::Starting { .. }, Some((process, _))) if process.activity == Activity::Alive => {
                EnsureError::Starting { pid: Some(process.identity.pid), waited }
            }
            (Verdict::Leaving, Some((process, _))) if process.activity == Activity::Alive => {
                EnsureError::Leaving { pid: process.identity.pid, waited }
            }
            (_, Some((process, silence))) => EnsureError::Unresponsive {
                pid: process.identity.pid,
                activity: process.activity,
                busy: silence.busy,
                silent_for: silence.silent_for,
                limit: silence.limit,
            },
        })
    }

    /// What a session does that may not start a worker: waits for one that is there.
    pub(super) async fn wait_without_starting(&self) -> Result<super::Worker, EnsureError> {
        loop {
            let look = self.look_at_tenure().await?;
            if look == TenureLook::Free {
                return Err(EnsureError::NotRunning);
            }
            let verdict = self.look(LONGEST_PATIENCE).await?;
            match &verdict {
                Verdict::Ready(health) => return Ok(self.found(health, super::Outcome::Waited).await),
                Verdict::TooNew(health) | Verdict::Outdated(health) => {
                    return Err(self.too_new(health).await);
                }
                _ => {}
            }
            if self.inner_deadline().passed(self.clock()) {
                let holder = match self.identify(&look).await? {
                    Holder::Known(holder) => *holder,
                    Holder::Moving => return Err(self.too_late()),
                    Holder::Leaked(pids) => {
                        return Err(EnsureError::LockLeaked { path: self.spec.state_dir.clone(), pids });
                    }
                };
                let silence = Silence {
                    since: self.begun,
                    silent_for: self.waited(),
                    limit: self.spec.hang_limit,
                    busy: false,
                    hung: false,
                };
                self.in_time(&verdict, Some((&holder, silence)))?;
            }
            self.inner_deadline().pause(self.clock(), PAUSE).await;
        }
    }

    /// The error for a worker whose protocols this session does not speak.
    pub(super) async fn too_new(&self, health: &Health) -> EnsureError {
        let record = self.read_record().await;
        EnsureError::TooNew {
            pid: Pid(health.pid.0),
            worker_version: health.version.clone(),
            worker_protocol: health.protocol,
            worker_program: record.map(|record| record.program).unwrap_or_default(),
            version: self.spec.version.clone(),
            protocol: self.spec.protocol,
            program: self.spec.launch.program.clone(),
        }
    }
}
