//! The replacement: the daemon ends, and the worker takes its place.

use std::time::{Duration, Instant};

use coordinator::machine::Machine;
use coordinator::{Claim, EnsureError, Tenure, Worker, ensure_on, system};

use super::super::ending::{KILL, ProcessEnd, end_one};
use super::old_daemon::{OldDaemon, in_office};
use crate::failure::Failure;
use crate::from_settings::request_within;
use crate::progress::Progress;
use crate::request::Request;

/// How often the port is probed while it is not free.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long the port may stay taken after the daemon has ended: by processes that came from it and end with it.
const PORT: Duration = Duration::from_secs(1);

/// Ends the daemon, in office all the while if that is not for too long: sessions take one that says nothing for the hang limit for hung.
pub(super) fn make_room(
    machine: &Machine,
    request: &Request,
    daemon: &OldDaemon,
    patience: Duration,
) -> Result<ProcessEnd, Failure> {
    let brief = patience + KILL + PORT < request.settings.hang_limit.value;
    let progress = Progress::default();
    progress.phase(&format!("waiting for process {} to end", daemon.row.pid));
    let work = async {
        let tenure = match Tenure::claim(machine, request.ensure.id(), None, system::readiness()).await {
            Ok(Claim::Won(tenure)) => tenure,
            Ok(Claim::Lost(holder)) => return Ok(Err(in_office(request, holder.pid))),
            Err(error) => return Ok(Err(Failure::serve(&error.into(), &request.words))),
        };
        let why = format!("oneworker adopt: kept office while process {} ended", daemon.row.pid);
        if !brief {
            tenure.end(&why).await;
        }
        let kept = brief.then_some(tenure);
        let ended = end_one(machine, &daemon.identity, patience).await;
        let until = Instant::now() + PORT;
        while machine.network.owner(daemon.port).await.is_some() && Instant::now() < until {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        if let Some(tenure) = kept {
            tenure.end(&why).await;
        }
        Ok::<_, EnsureError>(Ok(ended))
    };
    request.block_on(progress.watch(work))?
}

/// The worker, or what another session has started meanwhile: that is as good. A launch that is held back is waited for within the deadline.
pub(super) fn start(machine: &Machine, request: &Request) -> Result<Worker, Failure> {
    let begun = Instant::now();
    let whole = request.ensure.deadline();
    let progress = Progress::default();
    loop {
        let ensure = request_within(&request.settings, whole.saturating_sub(begun.elapsed()))?;
        let ensured = request.block_on(async {
            let watcher = |words: &str| progress.phase(words);
            Ok(progress.watch(ensure_on(machine, &ensure, &watcher)).await)
        })?;
        match ensured {
            Ok(mut worker) => {
                worker.elapsed = begun.elapsed();
                return Ok(worker);
            }
            Err(EnsureError::CoolingDown { retry_in, .. })
                if begun.elapsed() + retry_in + POLL_INTERVAL < whole =>
            {
                progress.phase("waiting until the worker may be started again");
                request.block_on(async {
                    progress.watch(tokio::time::sleep(retry_in)).await;
                    Ok(())
                })?;
            }
            Err(error) => return Err(request.failure(&error)),
        }
    }
}
