//! The flags of `put`, `search`, `tail`, `backup` and `restore`.

use std::path::PathBuf;

use clap::Args;
use worker::api::Filter;

use super::shared::{Common, Output, without};

/// `put`
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    /// The session that it comes from
    #[arg(long, value_name = "ID", default_value = "cli")]
    pub(crate) session: String,
    /// What kind of thing it is
    #[arg(long, value_name = "KIND", default_value = "note")]
    pub(crate) kind: String,
    /// Keep only the first observation with this key
    ///
    /// So a hook may try again.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Anything more, as JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) metadata: Option<String>,
    /// Read observations from standard input
    ///
    /// They are JSON objects, one after the other.
    #[arg(long, conflicts_with_all = ["text", "key", "metadata"])]
    pub(crate) stdin: bool,
    /// The text
    #[arg(value_name = "TEXT", required_unless_present = "stdin")]
    pub(crate) text: Vec<String>,
}

/// Which observations.
#[derive(Debug, Default, Args)]
pub(crate) struct Which {
    /// Only those of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only those of this kind
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
}

impl Which {
    /// The filter of these flags.
    pub(crate) fn filter(&self) -> Filter {
        Filter { session: self.session.clone(), kind: self.kind.clone(), ..Filter::default() }
    }
}

/// `search`
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) filter: Which,
    /// The most observations to print
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: u32,
    /// Words that must all be there
    ///
    /// `word*` stands for those that begin with it.
    #[arg(value_name = "WORDS", required = true)]
    pub(crate) words: Vec<String>,
}

/// `tail`
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) filter: Which,
    /// Go on with what comes from now on
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// The number of observations to print
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) lines: u32,
}

/// `backup`, `restore`
#[derive(Debug, Args)]
#[command(mut_args(without(&["port", "deadline", "hang-limit"])))]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    /// The backup
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}
