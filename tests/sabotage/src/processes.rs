//! Processes that are taken for others, or for alive.

use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use oneworker_protocol::machine::{
    Activity, Machine, Pid, ProcessIdentity, ProcessInfo, Processes, Signal, SignalOutcome, Surroundings,
};

use crate::Sabotage;
use crate::switch::on;

pub(crate) struct Sabotaged(pub(crate) Machine);

#[async_trait]
impl Processes for Sabotaged {
    fn me(&self) -> ProcessIdentity {
        self.0.processes.me()
    }

    fn program(&self) -> PathBuf {
        self.0.processes.program()
    }

    fn surroundings(&self) -> Surroundings {
        self.0.processes.surroundings()
    }

    async fn look(&self, pid: Pid) -> io::Result<Option<ProcessInfo>> {
        let mut info = self.0.processes.look(pid).await?;
        if let Some(info) = &mut info {
            if on(Sabotage::DebuggerIgnored) {
                info.traced_by = None;
            }
            if info.activity == Activity::Zombie && on(Sabotage::ZombieTakenForAlive) {
                info.activity = Activity::Alive;
            }
        }
        Ok(info)
    }

    async fn ended(&self, process: &ProcessIdentity) {
        self.0.processes.ended(process).await;
    }

    async fn signal(&self, target: &ProcessIdentity, signal: Signal) -> io::Result<SignalOutcome> {
        if on(Sabotage::KillWithoutStartTime)
            && let Some(now) = self.0.processes.look(target.pid).await?
        {
            return self.0.processes.signal(&now.identity, signal).await;
        }
        self.0.processes.signal(target, signal).await
    }
}
