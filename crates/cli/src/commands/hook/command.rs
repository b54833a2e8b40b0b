//! Which command of `oneworker hook` runs.

use super::{fire, install};
use crate::args::HookCommand;
use crate::exit;
use crate::output::Mode;
use crate::request::Done;

/// Run by an agent, a hook prints what that agent reads, and has an exit code of its own.
pub(in super::super) fn run(command: &HookCommand) -> (Mode, Done) {
    match command {
        HookCommand::Install(args) => (args.output.mode(), install::install(args)),
        HookCommand::Uninstall(args) => (args.output.mode(), install::uninstall(args)),
        HookCommand::ClaudeCode(_)
        | HookCommand::Codex(_)
        | HookCommand::Gemini(_)
        | HookCommand::Cursor(_)
        | HookCommand::Generic(_) => (Mode::Human, command.fired().map_or(Ok(exit::OK), fire::fired)),
    }
}
