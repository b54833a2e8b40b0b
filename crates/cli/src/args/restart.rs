//! The flags of `restart`.

use std::path::PathBuf;

use clap::Args;

use super::setting_flags::Passed;
use super::shared::{Common, Force, Output, Supervised};

/// `restart`
#[derive(Debug, Args)]
pub(crate) struct RestartArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Have the worker hand over to this version
    ///
    /// It may be an older one. Its program is looked for among those that have served, and on the
    /// search path.
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<semver::Version>,
    /// The program to start, with or without its version
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::ExecutablePath)]
    pub(crate) program: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) passed: Passed,
    #[command(flatten)]
    pub(crate) supervised: Supervised,
    #[command(flatten)]
    pub(crate) force: Force,
}
