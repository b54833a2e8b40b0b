//! The flags of `serve`.

use clap::Args;

use super::setting_flags::Tuning;
use super::shared::{Common, Output, Supervised, without};

/// `serve`
#[derive(Debug, Args)]
#[command(mut_args(without(&["deadline"])))]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    #[command(flatten)]
    pub(crate) supervised: Supervised,
    /// Log to standard error, and end with the terminal
    #[arg(long)]
    pub(crate) foreground: bool,
}
