//! The flags of `purge`.

use clap::Args;

use super::shared::{Common, Output, without};

/// `purge`
#[derive(Debug, Args)]
#[command(mut_args(without(&["hang-limit"])))]
pub(crate) struct PurgeArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    /// Remove it without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Remove files too that are no worker's
    #[arg(long)]
    pub(crate) everything: bool,
}
