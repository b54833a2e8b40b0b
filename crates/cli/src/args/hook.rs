//! `oneworker hook`

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use oneworker_agents::{Agent, Installable, Scope};

use super::shared::{Common, Output, without};
use super::{Lease, help};

/// `hook`
#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// Be a hook of Claude Code
    ClaudeCode(FireArgs),
    /// Be a hook of Codex
    Codex(FireArgs),
    /// Be a hook of Gemini CLI
    Gemini(FireArgs),
    /// Be a hook of Cursor
    Cursor(FireArgs),
    /// Be a hook of any other program
    ///
    /// The program writes {"session_id":…,"event":"start"} to standard input.
    Generic(FireArgs),
    /// Write the hooks into an agent's settings
    ///
    /// What changes is shown first.
    #[command(after_long_help = help::HOOK_INSTALL)]
    Install(InstallArgs),
    /// Take them out again
    #[command(after_long_help = help::HOOK_INSTALL)]
    Uninstall(InstallArgs),
}

/// A hook has a deadline of its own.
const BUDGET: &str = "How long the hook may take [default: 2s]";

/// What a hook does.
#[derive(Clone, Debug, Args)]
#[command(
    mut_args(without(&["port", "hang-limit"])),
    mut_arg("deadline", |deadline| deadline.help(BUDGET).long_help(format!("{BUDGET}\n\nReading its input is included.")))
)]
pub(crate) struct FireArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) lease: Lease,
    /// Fail if there is no worker
    ///
    /// Without it, the reason is noted and the exit code is 0.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Tell the model the worker's address
    ///
    /// It is told at a session's start.
    #[arg(long)]
    pub(crate) context: bool,
}

/// `hook install`, `hook uninstall`
#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// The agent
    #[arg(long = "for", value_name = "AGENT", value_parser = agent_parser(), hide_possible_values = true)]
    pub(crate) agent: Installable,
    /// Whose settings
    #[arg(long, value_name = "SCOPE", default_value = "user", value_parser = scope_parser(), hide_possible_values = true)]
    pub(crate) scope: Scope,
    #[command(flatten)]
    pub(crate) consent: Consent,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Reads the name of an agent whose settings can be edited.
fn agent_parser() -> impl TypedValueParser<Value = Installable> {
    let value = |agent: Installable| PossibleValue::new(agent.name()).help(agent.description());
    let named = |name: String| Installable::ALL.into_iter().find(|agent| agent.name() == name);
    PossibleValuesParser::new(Installable::ALL.map(value)).try_map(move |name| named(name).ok_or("not known"))
}

/// Reads whose settings are edited.
fn scope_parser() -> impl TypedValueParser<Value = Scope> {
    let value = |scope: Scope| PossibleValue::new(scope.name()).help(scope.description());
    let named = |name: String| Scope::ALL.into_iter().find(|scope| scope.name() == name);
    PossibleValuesParser::new(Scope::ALL.map(value)).try_map(move |name| named(name).ok_or("not known"))
}

/// Whether a file may be written without asking.
#[derive(Debug, Args)]
pub(crate) struct Consent {
    /// Write it without asking
    #[arg(long, short, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Only show what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl HookCommand {
    /// The agent that runs it, if it is run as a hook.
    pub(crate) fn fired(&self) -> Option<(Agent, &FireArgs)> {
        match self {
            Self::ClaudeCode(args) => Some((Agent::ClaudeCode, args)),
            Self::Codex(args) => Some((Agent::Codex, args)),
            Self::Gemini(args) => Some((Agent::Gemini, args)),
            Self::Cursor(args) => Some((Agent::Cursor, args)),
            Self::Generic(args) => Some((Agent::Generic, args)),
            Self::Install(_) | Self::Uninstall(_) => None,
        }
    }
}
