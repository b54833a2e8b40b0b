//! The flags of `config`.

use clap::{Args, Subcommand};

use super::help;
use super::setting_flags::{Passed, Patterns, Tuning, Upgrade};
use super::shared::{Common, Output, Supervised};

/// What to show of the settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print each setting, its value and where that comes from
    #[command(after_long_help = help::CONFIG_SHOW)]
    Show(ShowArgs),
}

/// `config show`
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    #[command(flatten)]
    pub(crate) upgrade: Upgrade,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) passed: Passed,
    #[command(flatten)]
    pub(crate) supervised: Supervised,
    #[command(flatten)]
    pub(crate) patterns: Patterns,
}
