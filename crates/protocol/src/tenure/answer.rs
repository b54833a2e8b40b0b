//! Answering a probe, with a proof.

use std::net::SocketAddr;

use super::{Superseded, Tenure};
use crate::failpoint;
use crate::layout;
use crate::machine::Activity;
use crate::proof::{Challenge, Health};
use crate::record::{Service, WorkerState};

impl Tenure {
    /// Answers a probe that dialled `dialled`: checks first that this worker is still the one, then proves it.
    ///
    /// # Errors
    /// [`Superseded`]: give no answer, and stop.
    pub async fn answer(
        &self,
        challenge: Option<&Challenge>,
        dialled: SocketAddr,
    ) -> Result<Health, Superseded> {
        failpoint::hit("answer");
        self.check().await?;
        let mut health = {
            let mut published = self.published.lock().await;
            // Whoever would be sent to a command that has ended is to wait for the next one.
            let service = self.living(published.record.service).await;
            if challenge.is_some() {
                published.proved = self.machine.clock.now();
            }
            Health {
                schema: 1,
                name: self.id.name.clone(),
                identity: self.identity.clone(),
                epoch: self.epoch,
                pid: self.process.pid,
                address: dialled,
                version: self.id.version.clone(),
                protocol: self.id.protocol,
                state: match published.record.state {
                    WorkerState::Ready if service != published.record.service => WorkerState::Starting,
                    state => state,
                },
                service,
                proof: None,
            }
        };
        if let Some(challenge) = challenge {
            // Whoever gets a proof knows that this worker is well: a suspicion is void.
            self.clear_suspicion().await;
            self.key.sign(&mut health, challenge);
        }
        Ok(health)
    }

    /// The command, unless it has ended: its worker learns that a moment later than one who looks.
    async fn living(&self, service: Option<Service>) -> Option<Service> {
        let service = service?;
        let seen = self.machine.processes.look(service.pid).await;
        let ended =
            matches!(&seen, Ok(None)) || matches!(&seen, Ok(Some(info)) if info.activity == Activity::Zombie);
        (!ended).then_some(service)
    }

    pub(super) async fn clear_suspicion(&self) {
        if !matches!(self.directory().stat(layout::SUSPECT).await, Ok(None)) {
            let _ = self.directory().remove(layout::SUSPECT).await;
        }
    }
}
