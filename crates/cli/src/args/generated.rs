//! `oneworker completions`, `oneworker man`

use std::path::PathBuf;

use clap::Args;

/// `completions`
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// `man`
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write the pages of all commands into this directory
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}
