//! The flags of `storm`.

use clap::Args;

use super::Output;

/// `storm`
#[derive(Debug, Args)]
pub(crate) struct StormArgs {
    #[command(flatten)]
    pub(crate) output: Output,
    /// So many sessions at once
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(crate) sessions: u16,
    /// Show what sessions do that look whether a worker is there, and start one if not
    #[arg(long)]
    pub(crate) naive: bool,
}
