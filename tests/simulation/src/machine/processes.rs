//! Looking at processes and signalling them.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use coordinator::machine::{
    Pid, ProcessIdentity, ProcessInfo, Processes, Signal, SignalOutcome, Surroundings,
};

use crate::host::Host;
use crate::kernel::CallClass;

pub(super) struct SimulatedProcesses(pub(super) Host);

#[async_trait]
impl Processes for SimulatedProcesses {
    fn me(&self) -> ProcessIdentity {
        self.0.kernel().identity(self.0.key)
    }

    fn program(&self) -> PathBuf {
        PathBuf::from("/opt/oneworker")
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings { host: "simulated".to_owned(), user: "1000".to_owned(), ..Surroundings::default() }
    }

    async fn look(&self, pid: Pid) -> io::Result<Option<ProcessInfo>> {
        self.0.call("look at process", &pid.to_string(), |kernel, _| Ok(kernel.look(pid))).await
    }

    async fn ended(&self, process: &ProcessIdentity) {
        while self
            .0
            .call("look at process", &process.pid.to_string(), |kernel, _| {
                kernel.living(process.pid).is_some_and(|found| kernel.identity(found) == *process)
            })
            .await
        {
            self.0.sleep(Duration::from_secs(2)).await;
        }
    }

    async fn signal(&self, target: &ProcessIdentity, signal: Signal) -> io::Result<SignalOutcome> {
        self.0
            .try_call(CallClass::Process, "signal", &format!("{} {signal:?}", target.pid), |kernel, key| {
                // As a pidfd has it: the process is held while its start time is compared.
                let Some(found) =
                    kernel.living(target.pid).filter(|found| kernel.identity(*found) == *target)
                else {
                    return Ok(SignalOutcome::Gone);
                };
                kernel.signalled(key, found, signal);
                kernel.deliver(found, signal);
                Ok(SignalOutcome::Sent)
            })
            .await
    }
}
