//! What a worker in office publishes: its secrets and its record.

use std::net::SocketAddr;

use super::held::Published;
use super::{Tenure, TenureError};
use crate::failpoint;
use crate::layout;
use crate::machine::{EventKind, WorkerReport};
use crate::record::{self, Record, Service, WorkerState};

impl Tenure {
    /// Publishes the secrets, and in the record where this worker can be asked, although it does not serve yet: so a start that takes long, as
    /// that of a command may, is known not to be stuck.
    ///
    /// # Errors
    /// If they can't be written, or this worker was superseded meanwhile.
    pub async fn starting(&self, address: SocketAddr) -> Result<(), TenureError> {
        self.publish(address, None, WorkerState::Starting).await
    }

    /// Publishes the secrets and the record, and tells the launcher. Call it once the server accepts connections.
    ///
    /// # Errors
    /// If they can't be written, or this worker was superseded meanwhile.
    pub async fn ready(&self, address: SocketAddr) -> Result<(), TenureError> {
        self.ready_with(address, None).await
    }

    /// [`Tenure::ready`], with a command that serves in this worker's place.
    ///
    /// # Errors
    /// As [`Tenure::ready`].
    pub async fn ready_with(&self, address: SocketAddr, service: Option<Service>) -> Result<(), TenureError> {
        self.publish(address, service, WorkerState::Ready).await?;
        // What was suspected of a worker that starts, with the patience that such a one is given, says nothing of one that serves.
        self.clear_suspicion().await;
        if self.inherited {
            // It is only untidy if it stays: who keeps office is in it.
            let _ = self.directory().remove(layout::SUCCESSOR).await;
        }
        self.readiness.report(&WorkerReport::Ready { epoch: self.epoch });
        failpoint::hit("ready.reported");
        self.note(EventKind::TenureBegan, self.predecessor.as_deref()).await;
        Ok(())
    }

    /// Says that the command serves again, or, with `None`, that it ended and is started anew: sessions wait meanwhile, as for a worker that
    /// starts. Nothing if this worker is on its way out.
    pub async fn set_service(&self, service: Option<Service>) {
        let state = if service.is_some() { WorkerState::Ready } else { WorkerState::Starting };
        self.change_record(|record| {
            if matches!(record.state, WorkerState::Ready | WorkerState::Starting) {
                (record.service, record.state) = (service, state);
            }
        })
        .await;
    }

    async fn publish(
        &self,
        address: SocketAddr,
        service: Option<Service>,
        state: WorkerState,
    ) -> Result<(), TenureError> {
        self.check_office().await?;
        let state_dir = |source| TenureError::StateDir { path: self.id.state_dir.clone(), source };
        let dir = self.directory();
        {
            let mut published = self.published.lock().await;
            let Published { record, files, .. } = &mut *published;
            // The record last: who reads `ready` finds the secrets of the same epoch.
            files.put(dir, layout::PROOF_KEY, record::render(&self.key)).await.map_err(state_dir)?;
            files.put(dir, layout::TOKEN, self.token.clone().into_bytes()).await.map_err(state_dir)?;
            files
                .put(dir, layout::PID_FILE, format!("{}\n", self.process.pid).into_bytes())
                .await
                .map_err(state_dir)?;
            failpoint::hit("ready.secrets");
            record.state = state;
            record.address = Some(address);
            record.service = service;
            files.put(dir, layout::RECORD, record::render(record)).await.map_err(state_dir)?;
            failpoint::hit("ready.record");
        }
        Ok(())
    }

    pub(super) async fn set_state(&self, state: WorkerState) {
        self.change_record(|record| record.state = state).await;
    }

    pub(super) async fn change_record(&self, change: impl FnOnce(&mut Record) + Send) {
        // Not into a stranger's directory, nor over a successor's record.
        if self.check_office().await.is_err() {
            return;
        }
        let mut published = self.published.lock().await;
        let Published { record, files, .. } = &mut *published;
        change(record);
        // If it can't be written, sessions learn it from the lock.
        let _ = files.put(self.directory(), layout::RECORD, record::render(record)).await;
    }
}
