//! What runs beside serving: dropping old data, stopping an idle worker, and the periodic checks.

use std::sync::Arc;
use std::time::Duration;

use oneworker_supervisor::logfile::Rotation;
use tokio::task::JoinHandle;

use crate::context::TenureContext;
use crate::log::StandardError;
use crate::presence::Presence;
use crate::stop::StopReason;
use crate::store::Store;
use crate::watchdog::Pulse;

/// How often old data is dropped.
const RETENTION_INTERVAL: Duration = Duration::from_secs(60);
/// SQLite analyses its tables once in this many intervals: every hour
/// (https://sqlite.org/pragma.html#pragma_optimize).
const OPTIMIZE_EVERY: u64 = 60;

/// Drops old data, and stops the worker when it is idle. Dropping it ends both tasks.
pub(crate) struct Upkeep([JoinHandle<()>; 2]);

impl Upkeep {
    pub(crate) fn start(context: &TenureContext<'_>, store: Arc<Store>, presence: Arc<Presence>) -> Self {
        let clock = context.worker.machine.clock.clone();
        let retention = tokio::spawn(async move {
            for round in 1_u64.. {
                // A portion at a time, so that no client waits for long.
                while matches!(store.tend().await, Ok(1..)) {}
                if round.is_multiple_of(OPTIMIZE_EVERY) {
                    // A failure is no problem: it is tried again in an hour.
                    let _ = store.optimize().await;
                }
                clock.sleep(RETENTION_INTERVAL).await;
            }
        });
        let (tenure, stop) = (context.tenure.clone(), context.stop.clone());
        let idle = context.worker.options.idle_timeout;
        let idle_exit = tokio::spawn(async move {
            if !idle.is_zero() {
                presence.stop_when_unneeded(&tenure, &stop, idle).await;
            }
        });
        Self([retention, idle_exit])
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// What is done whenever the watchdog asks: the self-check, the log's rotation, and the answer.
pub(crate) struct PeriodicChecks(JoinHandle<()>);

impl PeriodicChecks {
    pub(crate) fn start(
        context: &TenureContext<'_>,
        pulse: Arc<Pulse>,
        mut rotation: Option<Rotation<StandardError>>,
    ) -> Self {
        let (tenure, stop) = (context.tenure.clone(), context.stop.clone());
        let (clock, manager) = (context.worker.machine.clock.clone(), context.worker.manager);
        Self(tokio::spawn(async move {
            loop {
                pulse.asked().await;
                if let Err(superseded) = tenure.check().await {
                    stop.begin(StopReason::Superseded { why: superseded.why });
                }
                if let Some(rotation) = &mut rotation {
                    rotation.rotate_if_due(clock.now());
                }
                manager.alive();
                pulse.answer();
            }
        }))
    }

    /// Ends the checks, so that no self-check restores what the stop removes.
    pub(crate) async fn end(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for PeriodicChecks {
    fn drop(&mut self) {
        self.0.abort();
    }
}
