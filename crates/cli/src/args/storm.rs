//! The flags of `storm`.

use clap::Args;

use super::shared::Output;

/// `storm`
#[derive(Debug, Args)]
pub(crate) struct StormArgs {
    #[command(flatten)]
    pub(crate) output: Output,
    /// The number of sessions at once
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(crate) sessions: u16,
    /// Show sessions that start a worker if they see none
    #[arg(long)]
    pub(crate) naive: bool,
}
