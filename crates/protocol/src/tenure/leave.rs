//! Leaving office.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Tenure, TenureError};
use crate::failpoint;
use crate::layout;
use crate::machine::EventKind;
use crate::record::WorkerState;
use crate::sabotage::{self, Sabotage};

impl Tenure {
    /// Says that this worker is on its way out: from now on sessions wait for its successor.
    pub async fn leaving(&self) {
        self.set_state(WorkerState::Leaving).await;
    }

    /// Decides to leave, if nobody was given a proof for `idle` and `needed`, which is asked last, says no. Whether it did: then this worker
    /// is on its way out for everybody, and is to stop as it does on any other request.
    ///
    /// Proofs and this decision exclude each other. So nobody is given a worker that has decided to leave, and one that was given has at
    /// least `idle` to make its need known.
    pub async fn leave_if_unneeded(&self, idle: Duration, needed: &(dyn Fn() -> bool + Sync)) -> bool {
        {
            let mut published = self.published.lock().await;
            let ready = published.record.state == WorkerState::Ready;
            let asked = self.machine.clock.now().since(published.proved) < idle;
            let kept = asked && !sabotage::on(Sabotage::LeavesWhenAsked);
            if !ready || kept || needed() {
                return false;
            }
            published.record.state = WorkerState::Leaving;
        }
        self.leaving().await;
        true
    }

    /// Notes the end in good order: removes the secrets, and leaves a record that says `stopped`. The lock goes with the process, or
    /// when this is dropped.
    pub async fn end(&self, why: &str) {
        failpoint::hit("end.begin");
        if self.ended.swap(true, Ordering::SeqCst) {
            return;
        }
        {
            let mut published = self.published.lock().await;
            for secret in [layout::PROOF_KEY, layout::TOKEN, layout::PID_FILE] {
                // Through the held directory, so they are this tenure's own. A file that stays is overwritten by the successor.
                let _ = published.files.withdraw(self.directory(), secret).await;
            }
        }
        failpoint::hit("end.secrets");
        self.set_state(WorkerState::Stopped).await;
        #[cfg(all(oneworker_test, debug_assertions))]
        if sabotage::on(Sabotage::LockFileUnlinked) {
            let _ = self.directory().remove(layout::WORKER_LOCK).await;
        }
        self.note(EventKind::TenureEnded, Some(why)).await;
    }

    /// Tells the launcher why this worker can't serve, and ends.
    pub async fn fail(&self, error: &TenureError) {
        // First the report: whatever hangs in the end, the launcher has its answer.
        self.readiness.report(&error.report());
        self.end(&error.to_string()).await;
    }
}
