//! Ending a worker that hangs or is too old, and nobody else. What is waited for is the tenure lock, never a pid.

use std::time::Duration;

use super::diagnose::LONGEST_PATIENCE;
use super::sight::Verdict;
use super::suspicion::Silence;
use super::{Call, Phase, ReplaceReason};
use crate::error::EnsureError;
use crate::failpoint;
use crate::layout;
use crate::machine::{
    Activity, ElectionGuard, Machine, Pid, ProcessIdentity, ProcessInfo, Signal, TenureLook,
};
use crate::machine::{Event, EventKind};
use crate::proof::Health;
use crate::record::{LaunchNote, LaunchOutcome};

/// How long a hung worker may take to obey a polite signal.
const POLITE: Duration = Duration::from_millis(300);
/// How long the kernel may take to end a killed process and release its lock.
const KILL_PATIENCE: Duration = Duration::from_secs(2);

impl Call<'_> {
    /// Ends the holder of the tenure lock: asks, waits, kills, and waits for the lock. `None` if it has come to life meanwhile.
    pub(super) async fn replace_hung(
        &self,
        _elected: &dyn ElectionGuard,
        holder: &ProcessInfo,
        silence: Silence,
    ) -> Result<Option<ReplaceReason>, EnsureError> {
        let (pid, silent_for) = (holder.identity.pid, silence.silent_for);
        let now = self.look_once_more(&holder.identity).await?;
        let goes_on =
            holder.activity == Activity::Stopped && now.is_some_and(|now| now.activity != Activity::Stopped);
        if goes_on || !self.is_still_suspected(&silence).await {
            return Ok(None);
        }
        self.enter(Phase::Replacing);
        let why = match holder.activity {
            Activity::Stopped => ReplaceReason::Stopped { pid, silent_for },
            _ => ReplaceReason::Hung { pid, silent_for },
        };
        // A stopped process would have to be continued to obey; it would then go on with whatever it was writing.
        if holder.activity != Activity::Stopped {
            self.signal(&holder.identity, Signal::Terminate).await?;
            if self.vacated(&holder.identity, POLITE).await? {
                self.note_replaced(pid, &why).await;
                return Ok(Some(why));
            }
            self.look_once_more(&holder.identity).await?;
        }
        self.signal(&holder.identity, Signal::Kill).await?;
        while !self.vacated(&holder.identity, KILL_PATIENCE).await? {
            if self.inner_deadline().passed(self.clock()) {
                return Err(self.too_late());
            }
            let info = self.machine.processes.look(pid).await.ok().flatten();
            let activity = info.map_or(Activity::Zombie, |info| info.activity);
            // It is dead, and a loaded machine has not come to ending it.
            if activity == Activity::Alive {
                continue;
            }
            return Err(EnsureError::Unkillable {
                pid,
                activity,
                why: format!("it still held the lock {KILL_PATIENCE:?} after SIGKILL"),
            });
        }
        self.note_replaced(pid, &why).await;
        Ok(Some(why))
    }

    /// Asks a worker that is too old to leave, and waits until it no longer holds the lock. If it does not, its silence is judged like any
    /// other's. `None` if it is not the worker in office any more, or can't be asked just now.
    pub(super) async fn retire(
        &self,
        _elected: &dyn ElectionGuard,
        health: &Health,
    ) -> Result<Option<ReplaceReason>, EnsureError> {
        self.enter(Phase::Leaving(health.pid));
        failpoint::hit("retire.before");
        let (pid, version) = (health.pid, health.version.clone());
        let why = if health.protocol.overlaps(self.spec.protocol) {
            ReplaceReason::Retired { pid, version }
        } else {
            ReplaceReason::Outdated { pid, version }
        };
        // First the token and then another proof of this epoch: then the token is not of a later worker, which would be told to go in this
        // one's place.
        let token = read_token(self.machine, self.spec).await.unwrap_or_default();
        let held = self.look_at_tenure().await?;
        match self.look(LONGEST_PATIENCE).await? {
            Verdict::Outdated(now) | Verdict::Replaceable(now) if now.epoch == health.epoch => {}
            _ => return Ok(None),
        }
        let request =
            self.machine.network.request_stop(health.address, &token, "a session needs another version");
        // Whether it was heard is told by the lock, and if not, by the deadline.
        let _ = self.inner_deadline().limit(self.clock(), request).await;
        failpoint::hit("retire.asked");
        loop {
            let gone = match (self.look_at_tenure().await?, &held) {
                (TenureLook::Free, _) => true,
                // Somebody came after it already.
                (TenureLook::Held { by: Some(now) }, TenureLook::Held { by: Some(then) }) => now != *then,
                _ => false,
            };
            if gone {
                self.note_replaced(health.pid, &why).await;
                return Ok(Some(why));
            }
            if self.inner_deadline().passed(self.clock()) {
                return Err(EnsureError::Leaving { pid: health.pid, waited: self.waited() });
            }
            self.inner_deadline().pause(self.clock(), Duration::from_millis(5)).await;
        }
    }

    /// Right before a signal: a debugger may have come since the last look.
    async fn look_once_more(&self, target: &ProcessIdentity) -> Result<Option<ProcessInfo>, EnsureError> {
        let now = self.look_at_same(target).await;
        now.as_ref().map_or(Ok(()), Self::refuse_traced)?;
        Ok(now)
    }

    async fn signal(&self, target: &ProcessIdentity, signal: Signal) -> Result<(), EnsureError> {
        #[cfg(all(oneworker_test, debug_assertions))]
        let target = &self.mistaken(target).await?;
        // Gone is as good as sent: the lock tells.
        self.machine
            .processes
            .signal(target, signal)
            .await
            .map(drop)
            .map_err(|source| EnsureError::NotPermitted { what: "signal the worker", source })
    }

    /// Waits until this process no longer holds the tenure lock.
    async fn vacated(&self, holder: &ProcessIdentity, patience: Duration) -> Result<bool, EnsureError> {
        let limit = self.inner_deadline().at_most(self.clock(), patience);
        loop {
            match self.look_at_tenure().await? {
                TenureLook::Free => return Ok(true),
                TenureLook::Held { by } if by != Some(holder.pid) => return Ok(true),
                _ if limit.passed(self.clock()) => return Ok(false),
                _ => limit.pause(self.clock(), Duration::from_millis(1)).await,
            }
        }
    }

    async fn note_replaced(&self, ended: Pid, why: &ReplaceReason) {
        self.forget_suspicion().await;
        // What a session ended was no failure of the launch. Somebody elected past this session may have noted a launch of his own already.
        let record = self.read_record().await.filter(|record| record.process.pid == ended);
        let launched = |note: &LaunchNote| {
            let process = note.process.as_ref();
            process.is_some_and(|process| {
                process.pid == ended || record.as_ref().is_some_and(|record| record.is_of(process))
            })
        };
        if let Some(mut note) = self.read_launch().await.filter(launched) {
            note.outcome = Some(LaunchOutcome::Replaced);
            note.failures = 0;
            self.write_launch(&note).await;
        }
        let event = Event {
            worker: Some(ended),
            epoch: record.and_then(|record| record.epoch),
            version: Some(self.spec.version.to_string()),
            reason: Some(why.to_string()),
            ..Event::now(self.machine, EventKind::Replaced)
        };
        self.machine.history.note(&self.spec.state_dir, vec![event]).await;
    }
}

/// The bearer token of the worker in office.
pub async fn read_token(machine: &Machine, spec: &crate::WorkerSpec) -> Option<String> {
    let bytes = machine.files.read(&spec.state_dir, layout::TOKEN, 1024).await.ok()??;
    String::from_utf8(bytes).ok().map(|token| token.trim().to_owned())
}
