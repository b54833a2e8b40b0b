//! Ending a worker that hangs or is too old, and nobody else. What is waited for is the tenure lock, never a pid.

use std::time::Duration;

use super::suspicion::Silence;
use super::{Call, Phase, ReplaceReason};
use crate::error::EnsureError;
use crate::layout;
use crate::lifecycle::{Event, EventKind};
use crate::machine::{Activity, ElectionGuard, Machine, ProcessIdentity, ProcessInfo, Signal, TenureLook};
use crate::proof::Health;
use crate::record::LaunchOutcome;

/// How long a hung worker may take to obey a polite signal.
const POLITE: Duration = Duration::from_millis(300);
/// How long the kernel may take to end a killed process and release its lock.
const KILL_PATIENCE: Duration = Duration::from_secs(2);

impl Call<'_> {
    /// Ends the holder of the tenure lock: asks, waits, kills, and waits for the lock.
    pub(super) async fn replace_hung(
        &self,
        _elected: &dyn ElectionGuard,
        holder: &ProcessInfo,
        silence: Silence,
    ) -> Result<ReplaceReason, EnsureError> {
        self.enter(Phase::Replacing);
        let (pid, silent_for) = (holder.identity.pid, silence.silent_for);
        let why = match holder.activity {
            Activity::Stopped => ReplaceReason::Stopped { pid, silent_for },
            _ => ReplaceReason::Hung { pid, silent_for },
        };
        // A stopped process would have to be continued to obey; it would then go on with whatever it was writing.
        if holder.activity != Activity::Stopped {
            self.signal(&holder.identity, Signal::Terminate).await?;
            if self.vacated(&holder.identity, POLITE).await? {
                self.note_replaced(&why).await;
                return Ok(why);
            }
        }
        self.signal(&holder.identity, Signal::Kill).await?;
        if self.vacated(&holder.identity, KILL_PATIENCE).await? {
            self.note_replaced(&why).await;
            return Ok(why);
        }
        let activity = self
            .machine
            .processes
            .look(pid)
            .await
            .ok()
            .flatten()
            .map_or(Activity::Zombie, |info| info.activity);
        Err(EnsureError::Unkillable {
            pid,
            activity,
            why: format!("it still held the lock {KILL_PATIENCE:?} after SIGKILL"),
        })
    }

    /// Asks a worker that is too old to leave, and waits for the lock. If it does not, its silence is judged like any other's.
    pub(super) async fn retire(
        &self,
        _elected: &dyn ElectionGuard,
        health: &Health,
    ) -> Result<ReplaceReason, EnsureError> {
        self.enter(Phase::Leaving(health.pid));
        let why = ReplaceReason::Outdated { pid: health.pid, version: health.version.clone() };
        let token = read_token(self.machine, self.spec).await.unwrap_or_default();
        let request =
            self.machine.network.request_stop(health.address, &token, "a session needs a newer protocol");
        // Whether it was heard is told by the lock, and if not, by the deadline.
        let _ = self.inner_deadline().limit(self.clock(), request).await;
        loop {
            if self.look_at_tenure().await? == TenureLook::Free {
                self.note_replaced(&why).await;
                return Ok(why);
            }
            if self.inner_deadline().passed(self.clock()) {
                return Err(EnsureError::Leaving { pid: health.pid, waited: self.waited() });
            }
            self.inner_deadline().pause(self.clock(), Duration::from_millis(5)).await;
        }
    }

    async fn signal(&self, target: &ProcessIdentity, signal: Signal) -> Result<(), EnsureError> {
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

    async fn note_replaced(&self, why: &ReplaceReason) {
        self.forget_suspicion().await;
        // What a session ended was no failure of the launch.
        if let Some(mut note) = self.read_launch().await {
            note.outcome = Some(LaunchOutcome::Replaced);
            note.failures = 0;
            self.write_launch(&note).await;
        }
        let event = Event {
            at: self.clock().wall(),
            noted_by: self.machine.processes.me().pid,
            kind: EventKind::Replaced,
            worker: None,
            epoch: None,
            version: Some(self.spec.version.to_string()),
            reason: Some(why.to_string()),
        };
        self.machine.lifecycle.note(&self.spec.state_dir, vec![event]).await;
    }
}

/// The bearer token of the worker in office.
pub(super) async fn read_token(machine: &Machine, spec: &crate::WorkerSpec) -> Option<String> {
    let bytes = machine.files.read(&spec.state_dir, layout::TOKEN, 1024).await.ok()??;
    String::from_utf8(bytes).ok().map(|token| token.trim().to_owned())
}
