//! The flags of `status`.

use clap::Args;

use super::shared::{Common, Output, without};

/// `status`
#[derive(Debug, Args)]
#[command(mut_args(without(&["hang-limit"])))]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
}
