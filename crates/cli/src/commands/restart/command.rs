//! The command: what is asked for, in which way, and whether it came about.

use std::time::{Duration, Instant};

use coordinator::{EnsureError, EnsureRequest, Worker, inspect, system};

use super::super::{ensure, stop};
use super::chosen;
use crate::args::RestartArgs;
use crate::exit;
use crate::failure::Failure;
use crate::from_settings::{chosen_request, request_within};
use crate::installs::Install;
use crate::request::{Done, Request};

/// With less than this left, a start is not tried.
const LEAST: Duration = Duration::from_millis(20);

pub(in super::super) fn run(args: &RestartArgs) -> Done {
    let begun = Instant::now();
    let mut flags = args.common.flags();
    args.passed.add_to(&mut flags);
    args.supervised.add_to(&mut flags);
    let request = Request::new(&flags, &args.common.file(), true)?;
    let install = match (&args.version, &args.program) {
        (None, None) => None,
        (version, program) => Some(chosen::find(&request, version.as_ref(), program.as_deref())?),
    };
    let handed = match &install {
        Some(install) if !args.force.force => hand_over(&request, install, begun)?,
        _ => None,
    };
    let mut worker = match handed {
        Some(worker) => worker,
        None => stop_and_start(&request, args.force.force, install.as_ref(), begun)?,
    };
    worker.elapsed = begun.elapsed();
    if let Some(install) = &install {
        check(install, &worker)?;
    }
    ensure::print(args.output.mode(), request.settings.name.value.as_str(), &worker)?;
    Ok(exit::OK)
}

/// What is asked for: this program's worker, or that of the install that was chosen.
fn wanted(request: &Request, install: Option<&Install>, begun: Instant) -> Result<EnsureRequest, Failure> {
    let left = request.ensure.deadline().saturating_sub(begun.elapsed());
    if left < LEAST {
        let waited = begun.elapsed();
        let phase = "no time was left to start a worker";
        return Err(request.failure(&EnsureError::TimedOut { phase, waited }));
    }
    Ok(match install {
        Some(install) => chosen_request(&request.settings, install, left)?,
        None => request_within(&request.settings, left)?,
    })
}

/// Where a worker of another version is well, it hands over to the chosen one, and no client notices. `None` where it is to be stopped: it is of that
/// version already, or can't be talked to.
fn hand_over(request: &Request, install: &Install, begun: Instant) -> Result<Option<Worker>, Failure> {
    let wanted = wanted(request, Some(install), begun)?;
    let sight = request.block_on(inspect(&system::machine(), wanted.id(), wanted.deadline()))?;
    let in_office = sight.health.as_ref().filter(|health| health.protocol.overlaps(wanted.id().protocol()));
    if in_office.is_none_or(|health| health.version.cmp_precedence(&install.version).is_eq()) {
        return Ok(None);
    }
    ensure::watched(request, &wanted, &system::unmanaged()).map(Some)
}

fn stop_and_start(
    request: &Request,
    force: bool,
    install: Option<&Install>,
    begun: Instant,
) -> Result<Worker, Failure> {
    request.block_on(stop::stop(&request.ensure, "oneworker restart", force))?;
    // A service manager would start the program that its unit names.
    let machine = if install.is_some() { system::unmanaged() } else { system::machine() };
    ensure::watched(request, &wanted(request, install, begun)?, &machine)
}

/// The worker that runs now is the one that was chosen.
fn check(install: &Install, worker: &Worker) -> Result<(), Failure> {
    if worker.version.cmp_precedence(&install.version).is_eq() {
        return Ok(());
    }
    let why = worker.warnings.first().map(|warning| format!(": {warning}")).unwrap_or_default();
    let message = format!("version {} is in office still, not {}{why}", worker.version, install.version);
    let help = "See why with oneworker logs and oneworker explain, and try again.";
    Err(Failure::plain("version_not_started", message, help.to_owned()))
}
