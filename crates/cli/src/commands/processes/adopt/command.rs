//! The command: which daemon, and whether it is replaced.

use std::time::Duration;

use coordinator::system;
use serde_json::json;

use super::super::ending::EndOutcome;
use super::super::table::table;
use super::old_daemon::{OldDaemon, shell_words};
use super::output::AdoptOutput;
use super::replacement::{make_room, start};
use super::supervision;
use crate::args::AdoptArgs;
use crate::commands::question;
use crate::errors;
use crate::exit;
use crate::failure::Failure;
use crate::output::{self, Mode, SCHEMA, printable};
use crate::request::{Done, Request};

pub(in crate::commands) fn run(args: &AdoptArgs) -> Done {
    let mut flags = args.common.flags();
    args.passed.add_to(&mut flags);
    args.supervised.add_to(&mut flags);
    args.patterns.add_to(&mut flags);
    let request = Request::new(&flags, &args.common.file(), true)?;
    let machine = system::machine();
    let daemon = OldDaemon::find(&machine, &request, args.pid)?;
    let mode = args.output.mode();
    if args.print_config {
        let config = supervision::config(&daemon);
        output::result(mode, config.trim_end(), &json!({ "schema": SCHEMA, "config": config }))?;
        return Ok(exit::OK);
    }
    let name = request.settings.name.value.as_str();
    if !args.yes {
        let asked = question::can_be_asked(mode);
        output::result(mode, &plan(&request, &daemon, args.patience()), &AdoptOutput::shown(name, &daemon))?;
        if !asked || !question::consent(&format!("Replace process {}?", daemon.row.pid)) {
            if !asked {
                output::note("nothing was done: --yes does it");
            }
            return Ok(errors::exit_of("unconfirmed"));
        }
        // The answer may have come hours later.
        let again = OldDaemon::find(&machine, &request, args.pid)?;
        if again.identity != daemon.identity {
            return Err(daemon.is_another(&again));
        }
    } else if mode == Mode::Human {
        output::result(mode, &plan(&request, &daemon, args.patience()), &AdoptOutput::shown(name, &daemon))?;
    }
    let ended = make_room(&machine, &request, &daemon, args.patience())?;
    output::note(&ended.words());
    if matches!(ended.outcome, EndOutcome::Failed | EndOutcome::Traced) {
        let help = "Nothing else was done. End it by hand, and run the command again.";
        let code = if ended.outcome == EndOutcome::Traced { "under_debugger" } else { "unkillable" };
        return Err(Failure::plain(code, ended.words(), help.to_owned()));
    }
    let worker = start(&machine, &request).map_err(|failure| daemon.can_be_started_again(failure))?;
    let left = daemon.left(&machine, &request);
    if left > 0 {
        let reap = request.words.command("reap");
        output::note(&format!(
            "{left} processes that it had started are left; {reap} says which of them are strays"
        ));
    }
    output::warnings(&worker.warnings);
    output::result(mode, &worker.url, &AdoptOutput::adopted(name, &daemon, &ended, &worker))?;
    Ok(exit::OK)
}

/// What is said before anything is done.
fn plan(request: &Request, daemon: &OldDaemon, patience: Duration) -> String {
    let (pid, port) = (daemon.row.pid, daemon.port);
    let health = match daemon.status {
        Some(status) => format!("answers there (`/health` with HTTP status {status})"),
        None => "does not answer HTTP there".to_owned(),
    };
    let why = daemon.row.why.as_deref().unwrap_or("it was named");
    let successor = match &request.settings.plan.value.command {
        Some(part) => format!("the worker, with {}", shell_words(&part.command)),
        None => "the worker".to_owned(),
    };
    printable(&format!(
        "Port {port} of {:?} is held by\n{}\n  {pid}: {why}; it {health}\nTo do:\n  ask it to end, and kill it if it does not within {}\n  \
         start {successor} on port {port} once that is free\n  who connects in between is refused\nBy hand it would be started again with\n  {}",
        request.settings.name.value.as_str(),
        table(std::slice::from_ref(&daemon.row), false),
        humantime::format_duration(patience),
        daemon.by_hand(),
    ))
}
