//! Claims the tenure, or stands by for it.
//!
//! A worker that finds another one running ends at once: the sessions have their worker. A service
//! manager would take that for a failed start and repeat it in a loop. So under a service manager
//! the worker reports that it is ready, and stands by. While it stands by it only inspects the
//! lock, once a second: inspecting disturbs no other process, and a claim per second would fill the
//! history.

use std::path::Path;
use std::time::Duration;

use coordinator::fence::Databases;
use coordinator::machine::{Machine, Readiness, TenureLook, WorkerReport};
use coordinator::{Claim, Holder, Takeover, Tenure, TenureError, tree};

use crate::context::WorkerContext;
use crate::service_manager::ServiceManager;
use crate::stop::{Stop, StopReason};

const PAUSE: Duration = Duration::from_secs(1);

/// The result of claiming.
#[allow(clippy::large_enum_variant)] // Made once in a process's life.
pub(crate) enum ClaimOutcome {
    /// This process holds the tenure.
    Won(Box<Tenure>),
    /// Another process holds it.
    Lost(Holder),
    /// This process was told to stop while it stood by.
    Stopped(StopReason),
}

/// Claims once, or, if the worker stands by, until it wins or a stop begins. Waits for a tenure
/// that is handed over.
pub(crate) async fn claim(
    worker: &WorkerContext<'_>,
    databases: &Databases,
    mut takeover: Option<Takeover>,
    stop: &Stop,
) -> Result<ClaimOutcome, TenureError> {
    let mut readiness = coordinator::system::readiness();
    loop {
        let claim = tokio::select! {
            biased;
            reason = stop.begun() => return Ok(ClaimOutcome::Stopped(reason)),
            claim = claim_once(worker, readiness, databases, takeover.take()) => claim?,
        };
        let holder = match claim {
            Claim::Won(tenure) => return Ok(ClaimOutcome::Won(Box::new(tenure))),
            Claim::Lost(holder) => holder,
        };
        let other = describe(&holder);
        if !worker.options.stand_by {
            tracing::info!("{other} is in office already: this one ends");
            return Ok(ClaimOutcome::Lost(holder));
        }
        tracing::info!("standing by: {other} is in office");
        worker.manager.ready(&format!("standing by: {other} is in office"));
        tokio::select! {
            biased;
            reason = stop.begun() => return Ok(ClaimOutcome::Stopped(reason)),
            () = vacancy(worker.machine, worker.id.state_dir(), &worker.manager) => {}
        }
        // The first claim has reported to the process that launched this one.
        readiness = Box::new(AlreadyReported);
    }
}

async fn claim_once(
    worker: &WorkerContext<'_>,
    readiness: Box<dyn Readiness>,
    databases: &Databases,
    takeover: Option<Takeover>,
) -> Result<Claim, TenureError> {
    let WorkerContext { machine, id, .. } = worker;
    match takeover {
        Some(takeover) => {
            Tenure::succeed(machine, id, tree::guardian(), readiness, databases, takeover).await
        }
        None => Tenure::claim_above(machine, id, tree::guardian(), readiness, databases).await,
    }
}

/// Waits until the lock seems free. If it can't be inspected, the claim will say why.
async fn vacancy(machine: &Machine, dir: &Path, manager: &ServiceManager) {
    let pause = manager.pulse().map_or(PAUSE, |pulse| PAUSE.min(pulse));
    loop {
        manager.alive();
        machine.clock.sleep(pause).await;
        if !matches!(
            machine.locks.look(dir).await,
            Ok(TenureLook::Held { .. } | TenureLook::DirectoryOnly { .. })
        ) {
            return;
        }
    }
}

/// Describes the running worker.
fn describe(holder: &Holder) -> String {
    let pid = holder.pid.map_or_else(|| "a worker".to_owned(), |pid| format!("the worker with pid {pid}"));
    match &holder.record {
        Some(record) => match record.address {
            Some(address) => format!("{pid} (version {}, at {address})", record.version),
            None => format!("{pid} (version {}, {:?})", record.version, record.state),
        },
        None => pid,
    }
}

/// The readiness channel of a process that has reported already.
struct AlreadyReported;

impl Readiness for AlreadyReported {
    fn report(&self, report: &WorkerReport) {
        tracing::debug!("nobody waits for {report:?}");
    }
}
