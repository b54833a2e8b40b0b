//! `oneworker hook install` and `uninstall`.

use std::path::Path;

use oneworker_agents::Installable;
use oneworker_agents::settings::{self, DocumentError, WrittenFile, difference};
use serde::Serialize;

use crate::args::InstallArgs;
use crate::commands::consent;
use crate::exit;
use crate::failure::Failure;
use crate::installs::{self, passing};
use crate::output::{self, SCHEMA};
use crate::request::Done;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Install,
    Uninstall,
}

pub(super) fn install(args: &InstallArgs) -> Done {
    change(args, Change::Install)
}

pub(super) fn uninstall(args: &InstallArgs) -> Done {
    change(args, Change::Uninstall)
}

/// The shape of success.
#[derive(Serialize)]
struct InstallOutput<'a> {
    schema: u32,
    outcome: &'a str,
    agent: &'a str,
    path: &'a Path,
    diff: &'a str,
}

fn change(args: &InstallArgs, change: Change) -> Done {
    let (agent, registry) = (args.agent, args.agent.registry());
    let working_dir = std::env::current_dir()
        .map_err(|error| Failure::io("the working directory can't be found", &error))?;
    let environment = |variable: &str| std::env::var_os(variable);
    let path = registry.path(args.scope, &working_dir, &environment).ok_or_else(|| {
        Failure::usage("no variable names the home directory, which has the settings".to_owned())
    })?;
    let file = WrittenFile::read(&path)?;
    let before = file.text().unwrap_or_default();
    let after = changed(agent, before, file.text().is_some(), change)
        .map_err(|error| Failure::not_written(format!("{} {error}", path.display())))?;
    let answer =
        |outcome, diff| InstallOutput { schema: SCHEMA, outcome, agent: agent.name(), path: &path, diff };
    let mode = args.output.mode();
    if after == before {
        let state = if change == Change::Install { "has them already" } else { "has none of them" };
        output::result(mode, &format!("{} {state}", path.display()), &answer("unchanged", ""))?;
        return Ok(exit::OK);
    }
    let diff = difference(&path, before, &after);
    if args.consent.dry_run {
        output::result(mode, &output::printable(diff.trim_end()), &answer("would_change", &diff))?;
        return Ok(exit::OK);
    }
    consent::obtain(&args.consent, mode, &diff)?;
    file.write(&after)?;
    let (outcome, done, advice) = match change {
        Change::Install => ("installed", "The hooks are in", registry.advice()),
        Change::Uninstall => ("uninstalled", "The hooks are no longer in", ""),
    };
    let words = format!("{done} {}. {advice}", path.display());
    output::result(mode, words.trim_end(), &answer(outcome, &diff))?;
    if change == Change::Install && installs::in_path().iter().all(|program| passing(program).is_some()) {
        output::note("warning: there is no oneworker in PATH that stays, where the agent will look for it");
    }
    Ok(exit::OK)
}

fn changed(agent: Installable, before: &str, exists: bool, change: Change) -> Result<String, DocumentError> {
    let hooks = agent.hooks();
    // A file without a word is as good as none.
    let nothing = before.trim_start_matches('\u{feff}').trim().is_empty();
    match change {
        Change::Install => settings::add(if nothing { agent.registry().empty() } else { before }, &hooks),
        Change::Uninstall if nothing || !exists => Ok(before.to_owned()),
        Change::Uninstall => settings::remove(before, &hooks),
    }
}
