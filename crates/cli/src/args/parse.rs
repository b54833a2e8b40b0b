//! From words to a command, or to help and mistakes.

use std::ffi::OsString;

use clap::{FromArgMatches, Parser};

use super::command::{Cli, definition};
use super::{Command, EnsureArgs, HookCommand};
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::output::{self, Mode};

/// A command line that is no command: help that was asked for, or a mistake.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) clap: clap::Error,
    pub(super) mode: Mode,
    exit: Exit,
}

/// `ensure` alone. To define all commands takes a good part of the time that a whole `ensure` has, and hooks run no other one;
/// so this one is tried by itself first. Whatever is no plain `ensure` (help, a mistake) goes the whole way.
#[derive(Debug, Parser)]
#[command(name = "ensure", disable_help_flag = true)]
struct ShortEnsure {
    #[command(flatten)]
    args: EnsureArgs,
}

/// The other command that sessions wait for, for the same reason.
#[derive(Debug, Parser)]
#[command(name = "hook", disable_help_flag = true, disable_help_subcommand = true)]
struct ShortHook {
    #[command(subcommand)]
    command: HookCommand,
}

pub(super) fn short_hook(args: &[OsString]) -> Option<HookCommand> {
    args.get(1).filter(|command| *command == "hook")?;
    ShortHook::try_parse_from(&args[1..]).ok().map(|hook| hook.command)
}

pub(super) fn short_ensure(args: &[OsString]) -> Option<EnsureArgs> {
    args.get(1).filter(|command| *command == "ensure")?;
    ShortEnsure::try_parse_from(&args[1..]).ok().map(|ensure| ensure.args)
}

/// Reads a command line, the program's name first.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, Refusal> {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(ensure) = short_ensure(&args) {
        return Ok(Command::Ensure(ensure));
    }
    if let Some(hook) = short_hook(&args) {
        return Ok(Command::Hook(hook));
    }
    whole(&args).map_err(|clap| {
        // Whoever asked for JSON gets JSON, also where the rest makes no sense.
        let json = args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
        // Agents take 2 from a hook for an order to refuse what the user asked for.
        let exit = if args.get(1).is_some_and(|arg| arg == "hook") { exit::OTHER } else { exit::USAGE };
        Refusal { clap, mode: if json { Mode::Json } else { Mode::Human }, exit }
    })
}

/// All commands, with the help of all.
pub(super) fn whole(args: &[OsString]) -> Result<Command, clap::Error> {
    let mut definition = definition();
    let matches = definition.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches(&matches).map(|cli| cli.command).map_err(|error| error.format(&mut definition))
}

impl Refusal {
    /// Prints the help or the mistake.
    pub(crate) fn print(&self) -> std::process::ExitCode {
        if !self.clap.use_stderr() {
            // A closed pipe is no failure of the help.
            let _ = self.clap.print();
            return exit::OK.into();
        }
        let _ = self.clap.print();
        if self.mode == Mode::Json {
            let rendered = self.clap.render().to_string();
            let message = rendered.trim_end().trim_start_matches("error: ");
            output::failure_object(&Failure::usage(message.to_owned()));
        }
        self.exit.into()
    }
}
