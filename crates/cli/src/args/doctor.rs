//! The flags of `doctor`.

use std::path::PathBuf;

use clap::Args;

use super::setting_flags::Patterns;
use super::shared::{Common, Output, without};

/// `doctor`
#[derive(Debug, Args)]
#[command(mut_args(without(&["hang-limit"])))]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) patterns: Patterns,
    /// Mend what can be mended without harm to anybody
    #[arg(long)]
    pub(crate) repair: bool,
    /// Write what a bug report needs into this file
    ///
    /// It is a tar.gz, without secrets.
    #[arg(long, value_name = "FILE", conflicts_with = "repair")]
    pub(crate) bundle: Option<PathBuf>,
    /// Be the second process of the test of locks
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) try_lock: Option<PathBuf>,
}
