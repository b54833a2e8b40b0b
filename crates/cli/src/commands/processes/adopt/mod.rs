//! `oneworker adopt`: a daemon from before there was an election, and that has the identity's port, is replaced by the worker.
//!
//! No process can be given a tenure from outside: the lock that a tenure rests on is held by who took it, and the daemon knows nothing of it. So it
//! is ended in its own time, and the worker takes its place on its port. While it ends, this process holds office, so that no session starts a
//! worker beside it; sessions wait, or are told that the worker starts. That the same program goes on, supervised, is for the configuration to
//! say; `--print-config` prints what it needs.

mod found;
mod supervision;

use std::time::{Duration, Instant};

use coordinator::machine::Machine;
use coordinator::{Claim, EnsureError, Tenure, Worker, ensure_on, system};
use serde::Serialize;
use serde_json::json;

use super::super::{Done, Request, ensure, question};
use super::ending::{End, KILL, Outcome, end_one};
use super::table::table;
use crate::args::AdoptArgs;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA, printable};
use crate::progress::Progress;
use crate::spec::worker_spec;
use found::Found;

/// How often it is looked whether the port is free.
const LOOK: Duration = Duration::from_millis(20);
/// How long the port may be taken after who had it has gone: by what came from it and ends with it.
const PORT: Duration = Duration::from_secs(1);

pub(in super::super) fn run(args: &AdoptArgs) -> Done {
    let mut flags = args.common.flags();
    args.passed.add_to(&mut flags);
    args.supervised.add_to(&mut flags);
    args.patterns.add_to(&mut flags);
    let request = Request::new(&flags, &args.common.file(), true)?;
    let machine = system::machine();
    let found = Found::look(&machine, &request, args.pid)?;
    let mode = args.output.mode();
    if args.print_config {
        let config = supervision::config(&found);
        output::result(mode, config.trim_end(), &json!({ "schema": SCHEMA, "config": config }))?;
        return Ok(exit::OK);
    }
    let name = request.settings.name.value.as_str();
    if !args.yes {
        let asked = question::can_be_asked(mode);
        output::result(mode, &plan(&request, &found, args.patience()), &Answer::shown(name, &found))?;
        if !asked || !question::consent(&format!("Replace process {}?", found.row.pid)) {
            if !asked {
                output::note("nothing was done: --yes does it");
            }
            return Ok(exit::of("unconfirmed"));
        }
        // The answer may have come hours later.
        let again = Found::look(&machine, &request, args.pid)?;
        if again.identity != found.identity {
            return Err(found.is_another(&again));
        }
    } else if mode == Mode::Human {
        output::result(mode, &plan(&request, &found, args.patience()), &Answer::shown(name, &found))?;
    }
    let ended = make_room(&machine, &request, &found, args.patience())?;
    output::note(&ended.words());
    if matches!(ended.outcome, Outcome::Failed | Outcome::Traced) {
        let help = "Nothing else was done. End it by hand, and run the command again.";
        let code = if ended.outcome == Outcome::Traced { "under_debugger" } else { "unkillable" };
        return Err(Failure::plain(code, ended.words(), help.to_owned()));
    }
    let worker = start(&machine, &request).map_err(|failure| found.can_be_started_again(failure))?;
    let left = found.left(&machine, &request);
    if left > 0 {
        let reap = request.words.command("reap");
        output::note(&format!(
            "{left} processes that it had started are left; {reap} says which of them are strays"
        ));
    }
    output::warnings(&worker.warnings);
    output::result(mode, &worker.url, &Answer::adopted(name, &found, &ended, &worker))?;
    Ok(exit::OK)
}

/// Ends the daemon, in office all the while if that is not for too long: sessions take one that says nothing for the hang limit for hung.
fn make_room(
    machine: &Machine,
    request: &Request,
    found: &Found,
    patience: Duration,
) -> Result<End, Failure> {
    let brief = patience + KILL + PORT < request.settings.hang_limit.value;
    let progress = Progress::default();
    progress.phase(&format!("waiting for process {} to end", found.row.pid));
    let work = async {
        let tenure = match Tenure::claim(machine, &request.spec, None, system::readiness()).await {
            Ok(Claim::Won(tenure)) => tenure,
            Ok(Claim::Lost(holder)) => return Ok(Err(found::in_office(request, holder.pid))),
            Err(error) => return Ok(Err(Failure::serve(&error.into(), &request.words))),
        };
        let why = format!("oneworker adopt: kept office while process {} ended", found.row.pid);
        if !brief {
            tenure.end(&why).await;
        }
        let kept = brief.then_some(tenure);
        let ended = end_one(machine, &found.identity, patience).await;
        let until = Instant::now() + PORT;
        while machine.network.owner(found.port).await.is_some() && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
        if let Some(tenure) = kept {
            tenure.end(&why).await;
        }
        Ok::<_, EnsureError>(Ok(ended))
    };
    request.block_on(progress.watch(work))?
}

/// The worker, or what another session has started meanwhile: that is as good. A launch that is held back is waited for within the deadline.
fn start(machine: &Machine, request: &Request) -> Result<Worker, Failure> {
    let begun = Instant::now();
    let whole = request.spec.deadline();
    let progress = Progress::default();
    loop {
        let spec = worker_spec(&request.settings, true, whole.saturating_sub(begun.elapsed()))?;
        let ensured = request.block_on(async {
            let watcher = |words: &str| progress.phase(words);
            Ok(progress.watch(ensure_on(machine, &spec, &watcher)).await)
        })?;
        match ensured {
            Ok(mut worker) => {
                worker.elapsed = begun.elapsed();
                return Ok(worker);
            }
            Err(EnsureError::CoolingDown { retry_in, .. }) if begun.elapsed() + retry_in + LOOK < whole => {
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

/// What is said before anything is done.
fn plan(request: &Request, found: &Found, patience: Duration) -> String {
    let (pid, port) = (found.row.pid, found.port);
    let health = match found.status {
        Some(status) => format!("answers there (`/health` with HTTP status {status})"),
        None => "does not answer HTTP there".to_owned(),
    };
    let why = found.row.why.as_deref().unwrap_or("it was named");
    let successor = match &request.settings.plan.value.command {
        Some(part) => format!("the worker, with {}", found::words(&part.command)),
        None => "the worker".to_owned(),
    };
    printable(&format!(
        "Port {port} of {:?} is held by\n{}\n  {pid}: {why}; it {health}\nTo do:\n  ask it to end, and kill it if it does not within {}\n  \
         start {successor} on port {port} once that is free\n  who connects in between is refused\nBy hand it would be started again with\n  {}",
        request.settings.name.value.as_str(),
        table(std::slice::from_ref(&found.row), false),
        humantime::format_duration(patience),
        found.by_hand(),
    ))
}

/// The shape of the answer.
#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    outcome: &'static str,
    name: &'a str,
    port: u16,
    /// The daemon that was there.
    daemon: Daemon<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<ensure::Answer<'a>>,
}

#[derive(Serialize)]
struct Daemon<'a> {
    pid: u32,
    program: &'a str,
    arguments: &'a [String],
    directory: Option<&'a str>,
    /// What it answered to `GET /health`.
    health_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Outcome>,
}

impl<'a> Answer<'a> {
    fn shown(name: &'a str, found: &'a Found) -> Self {
        let daemon = Daemon {
            pid: found.row.pid,
            program: &found.row.program,
            arguments: &found.arguments,
            directory: found.directory.as_deref(),
            health_status: found.status,
            ended: None,
        };
        Self { schema: SCHEMA, outcome: "shown", name, port: found.port, daemon, worker: None }
    }

    fn adopted(name: &'a str, found: &'a Found, ended: &End, worker: &'a Worker) -> Self {
        let shown = Self::shown(name, found);
        let daemon = Daemon { ended: Some(ended.outcome), ..shown.daemon };
        Self { outcome: "adopted", daemon, worker: Some(ensure::Answer::new(name, worker)), ..shown }
    }
}
