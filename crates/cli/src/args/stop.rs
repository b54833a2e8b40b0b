//! The flags of `stop`.

use clap::Args;

use super::shared::{Common, Force, Output, without};

/// `stop`
#[derive(Debug, Args)]
#[command(mut_args(without(&["hang-limit"])))]
pub(crate) struct StopArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) force: Force,
}
