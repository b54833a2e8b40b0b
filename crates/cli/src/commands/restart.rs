//! `oneworker restart`: `stop`, then `ensure`, within one deadline.
//!
//! Between the two another session may start a worker. It is as new as one of our own, so it is the answer.

use std::time::{Duration, Instant};

use coordinator::{EnsureError, ensure_on};

use super::{Done, Request, ensure, stop};
use crate::args::RestartArgs;
use crate::exit;
use crate::progress::Progress;
use crate::service;
use crate::spec::worker_spec;

/// With less than this left, a start is not tried.
const LEAST: Duration = Duration::from_millis(20);

pub(super) fn run(args: &RestartArgs) -> Done {
    let begun = Instant::now();
    let mut flags = args.common.flags();
    args.passed.add_to(&mut flags);
    args.supervised.add_to(&mut flags);
    let request = Request::new(&flags, &args.common.file(), true)?;
    request.block_on(stop::stop(&request.spec, "oneworker restart", args.force.force))?;

    let left = request.spec.deadline().saturating_sub(begun.elapsed());
    if left < LEAST {
        let waited = begun.elapsed();
        let phase = "the worker stopped; no time was left to start another";
        return Err(request.failure(&EnsureError::TimedOut { phase, waited }));
    }
    let spec = worker_spec(&request.settings, true, left)?;
    let progress = Progress::default();
    let mut worker = request.block_on(async {
        let watcher = |words: &str| progress.phase(words);
        progress.watch(ensure_on(&service::machine(), &spec, &watcher)).await
    })?;
    worker.elapsed = begun.elapsed();
    ensure::print(args.output.mode(), request.settings.name.value.as_str(), &worker)?;
    Ok(exit::OK)
}
