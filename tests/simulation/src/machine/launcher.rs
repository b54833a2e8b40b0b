//! Starting workers, and the channel over which they say how it went.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use async_trait::async_trait;
use coordinator::EnsureRequest;
use coordinator::machine::{
    ElectionGuard, LaunchError, LaunchEvent, Launched, Launcher, ProcessIdentity, Readiness, WorkerReport,
};

use crate::host::Host;
use crate::kernel::CallClass;
use crate::kernel::processes::Key;

pub(super) struct SimulatedLauncher(pub(super) Host);

#[async_trait]
impl Launcher for SimulatedLauncher {
    async fn launch(
        &self,
        request: &EnsureRequest,
        _elected: &dyn ElectionGuard,
    ) -> Result<Box<dyn Launched>, LaunchError> {
        let born = self
            .0
            .try_call(CallClass::Spawn, "spawn", "worker", |kernel, key| Ok(kernel.launch(key, request)))
            .await
            .map_err(|source: io::Error| LaunchError::NoProcess { source })?;
        let (worker, channel) = born;
        let process = self.0.kernel().identity(worker);
        Ok(Box::new(Watching { host: self.0.clone(), worker, channel, process }))
    }
}

struct Watching {
    host: Host,
    worker: Key,
    channel: usize,
    process: ProcessIdentity,
}

#[async_trait]
impl Launched for Watching {
    fn process(&self) -> Option<ProcessIdentity> {
        Some(self.process.clone())
    }

    fn log_start(&self) -> u64 {
        0
    }

    async fn next(&mut self) -> LaunchEvent {
        poll_fn(|cx| {
            let mut kernel = self.host.kernel();
            let ended = kernel.process(self.worker).ended;
            let channel = &mut kernel.channels[self.channel];
            let event = match (channel.messages.pop_front(), ended) {
                (Some(report), _) => LaunchEvent::Report(report),
                (None, Some(ending)) => {
                    kernel.saw_the_end(self.worker, ending);
                    LaunchEvent::Ended(ending)
                }
                (None, None) => {
                    channel.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            };
            self.host.tell(&mut kernel, "launch event", &format!("{event:?}"));
            Poll::Ready(event)
        })
        .await
    }
}

/// A worker's end of its readiness channel.
pub(crate) struct Channel(pub(crate) Host);

impl Readiness for Channel {
    fn report(&self, report: &WorkerReport) {
        self.0.at_once("report", &format!("{report:?}"), |kernel, key| {
            let Some(channel) = kernel.process(key).channel else { return };
            let channel = &mut kernel.channels[channel];
            channel.messages.push_back(report.clone());
            if let Some(reader) = channel.reader.take() {
                reader.wake();
            }
        });
    }
}
