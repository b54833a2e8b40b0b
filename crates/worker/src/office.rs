//! Taking office, or standing by for it.
//!
//! A worker that finds somebody in office ends at once: the sessions have their worker. Under a service manager that would be taken for a
//! failed start, repeated in a loop, so there it says that it is ready, who is in office, and waits for its turn. While it waits it only
//! *looks* at the lock, once a second: looking disturbs nobody, and a claim per second would fill the history.

use std::path::Path;
use std::time::Duration;

use coordinator::fence::Databases;
use coordinator::machine::{Machine, Readiness, TenureLook, WorkerReport};
use coordinator::{Claim, Holder, Predecessor, Tenure, TenureError, WorkerSpec, tree};

use crate::service_manager::ServiceManager;
use crate::stop::{Stop, StopReason};

const PAUSE: Duration = Duration::from_secs(1);

/// What came of it.
#[allow(clippy::large_enum_variant)] // Made once in a process's life.
pub(crate) enum Taken {
    /// In office.
    Office(Box<Tenure>),
    /// Somebody else is.
    Lost(Holder),
    /// Not in office, and told to stop.
    Stopped(StopReason),
}

/// Whom office is to be taken over from, and how long he may take to leave it.
pub(crate) type Inheritance = (Predecessor, Duration);

/// Claims once, or, with `stand_by`, until it is won or a stop begins. Office that is handed over is waited for.
pub(crate) async fn take(
    machine: &Machine,
    spec: &WorkerSpec,
    databases: &Databases,
    stand_by: bool,
    mut inheritance: Option<Inheritance>,
    manager: &ServiceManager,
    stop: &Stop,
) -> Result<Taken, TenureError> {
    let mut readiness = coordinator::system::readiness();
    loop {
        let claim = tokio::select! {
            biased;
            reason = stop.begun() => return Ok(Taken::Stopped(reason)),
            claim = claim(machine, spec, readiness, databases, inheritance.take()) => claim?,
        };
        let holder = match claim {
            Claim::Won(tenure) => return Ok(Taken::Office(Box::new(tenure))),
            Claim::Lost(holder) => holder,
        };
        let who = describe(&holder);
        if !stand_by {
            tracing::info!("{who} is in office already: this one ends");
            return Ok(Taken::Lost(holder));
        }
        tracing::info!("standing by: {who} is in office");
        manager.ready(&format!("standing by: {who} is in office"));
        tokio::select! {
            biased;
            reason = stop.begun() => return Ok(Taken::Stopped(reason)),
            () = vacancy(machine, spec.state_dir(), manager) => {}
        }
        // Whoever launched this process was told by the first claim.
        readiness = Box::new(Told);
    }
}

async fn claim(
    machine: &Machine,
    spec: &WorkerSpec,
    readiness: Box<dyn Readiness>,
    databases: &Databases,
    inheritance: Option<Inheritance>,
) -> Result<Claim, TenureError> {
    match inheritance {
        Some((predecessor, patience)) => {
            Tenure::succeed(machine, spec, tree::guardian(), readiness, databases, predecessor, patience)
                .await
        }
        None => Tenure::claim_above(machine, spec, tree::guardian(), readiness, databases).await,
    }
}

/// Waits until office seems free. If it can't be seen, the claim will say why.
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

/// Who is in office, in words.
pub(crate) fn describe(holder: &Holder) -> String {
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
struct Told;

impl Readiness for Told {
    fn report(&self, report: &WorkerReport) {
        tracing::debug!("nobody waits for {report:?}");
    }
}
