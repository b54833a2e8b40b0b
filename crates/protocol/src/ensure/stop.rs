//! Ending the worker because somebody asked for it.

use std::time::Duration;

use super::holder::Holder;
use super::replace::read_token;
use super::sight::Verdict;
use super::{Call, Phase};
use crate::deadline::Deadline;
use crate::error::EnsureError;
use crate::failpoint;
use crate::identity::Epoch;
use crate::machine::{Activity, Machine, Pid, ProcessIdentity, Signal, TenureLook};
use crate::spec::WorkerSpec;

/// What came of a request to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Nobody was in office.
    NothingRan,
    /// The worker ended: the tenure lock is free.
    Ended {
        /// Its process.
        pid: Option<Pid>,
        /// Its epoch.
        epoch: Option<Epoch>,
        /// Whether it had to be signalled.
        forced: bool,
    },
}

/// Asks the worker in office to stop, and waits until it no longer holds the *tenure lock*. A worker that takes office meanwhile is another
/// one, and left alone.
///
/// With `force`, a worker that can't be asked, or has not left after half of the deadline, is terminated, and killed after
/// three quarters; only the process that the kernel names as the lock's holder.
///
/// # Errors
/// [`EnsureError::Leaving`] or [`EnsureError::Unresponsive`] if it did not leave by the deadline.
pub async fn request_stop(
    machine: &Machine,
    spec: &WorkerSpec,
    why: &str,
    force: bool,
) -> Result<Stopped, EnsureError> {
    let call = Call::new(machine, spec, &|_| {});
    call.deadline.limit(call.clock(), call.stop(why, force)).await.unwrap_or_else(|_| Err(call.too_late()))
}

impl Call<'_> {
    async fn stop(&self, why: &str, force: bool) -> Result<Stopped, EnsureError> {
        let look = self.look_at_tenure().await?;
        if look == TenureLook::Free {
            return Ok(Stopped::NothingRan);
        }
        // Where it can't be told yet who holds the lock, the first who is seen to hold it is meant.
        let mut meant = match self.identify(&look).await {
            Ok(Holder::Known(holder)) => Some(holder.identity),
            _ => None,
        };
        let record = self.read_record().await;
        let epoch = record.as_ref().and_then(|record| record.epoch);
        let half = Deadline::after(self.clock(), self.spec.deadline / 2);
        let asked = self.ask_to_stop(half, why, meant.as_ref()).await?;
        failpoint::hit("stop.asked");

        let kill_at = Deadline::after(self.clock(), half.remaining(self.clock()) + self.spec.deadline / 4);
        let mut sent = None;
        let mut last = None;
        loop {
            let look = self.look_at_tenure().await?;
            if look == TenureLook::Free {
                let pid = last.or_else(|| record.map(|record| record.process.pid));
                return Ok(Stopped::Ended { pid, epoch, forced: sent.is_some() });
            }
            let late = self.inner_deadline().passed(self.clock());
            let holder = match self.identify(&look).await {
                Ok(Holder::Known(holder)) => Some(*holder),
                Ok(Holder::Leaked(pids)) if late => {
                    return Err(EnsureError::LockLeaked { path: self.spec.state_dir.clone(), pids });
                }
                // Who has agreed is waited for, also where he can't be looked at: his lock tells.
                Err(error) if late || !asked => return Err(error),
                Ok(Holder::Moving | Holder::Leaked(_)) | Err(_) => None,
            };
            if let Some(holder) = &holder {
                let pid = holder.identity.pid;
                let meant = meant.get_or_insert_with(|| holder.identity.clone());
                if holder.identity != *meant {
                    return Ok(Stopped::Ended { pid: Some(meant.pid), epoch, forced: sent.is_some() });
                }
                last = Some(pid);
                self.enter(Phase::Leaving(pid));
                if self.inner_deadline().passed(self.clock()) {
                    return Err(if asked && holder.activity == Activity::Alive {
                        EnsureError::Leaving { pid, waited: self.waited() }
                    } else {
                        EnsureError::Unresponsive {
                            pid,
                            activity: holder.activity,
                            busy: false,
                            silent_for: self.waited(),
                            limit: self.spec.hang_limit,
                        }
                    });
                }
                let due = if kill_at.passed(self.clock()) {
                    Some(Signal::Kill)
                } else {
                    (!asked || half.passed(self.clock())).then_some(Signal::Terminate)
                };
                if let Some(signal) = due.filter(|due| force && sent != Some(*due)) {
                    Self::refuse_traced(holder)?;
                    let forced = self.machine.processes.signal(&holder.identity, signal).await;
                    forced
                        .map_err(|source| EnsureError::NotPermitted { what: "signal the worker", source })?;
                    sent = Some(signal);
                }
            }
            self.inner_deadline().pause(self.clock(), Duration::from_millis(2)).await;
        }
    }

    /// Asks the worker over HTTP; whether it agreed. Only one that proved itself is handed the token.
    async fn ask_to_stop(
        &self,
        until: Deadline,
        why: &str,
        meant: Option<&ProcessIdentity>,
    ) -> Result<bool, EnsureError> {
        while !until.passed(self.clock()) {
            // Read while the one who is meant still holds the lock: whoever takes office later has another token, and does not obey.
            let token = read_token(self.machine, self.spec).await.unwrap_or_default();
            if let Some(meant) = meant
                && let Ok(Holder::Known(holder)) = self.identify(&self.look_at_tenure().await?).await
                && holder.identity != *meant
            {
                return Ok(false);
            }
            let health = match self.look(until.remaining(self.clock())).await? {
                Verdict::Ready(health)
                | Verdict::Replaceable(health)
                | Verdict::TooNew(health)
                | Verdict::Outdated(health)
                | Verdict::Starting { proven: Some(health), .. } => health,
                Verdict::Leaving => return Ok(true),
                // It can't be asked yet.
                Verdict::Starting { proven: None, .. } => {
                    until.pause(self.clock(), Duration::from_millis(5)).await;
                    continue;
                }
                Verdict::Silent | Verdict::Absent | Verdict::Foreign { .. } => return Ok(false),
            };
            failpoint::hit("stop.looked");
            let request = self.machine.network.request_stop(health.address, &token, why);
            return Ok(matches!(until.limit(self.clock(), request).await, Ok(Ok(()))));
        }
        Ok(false)
    }
}
