//! The flags of `logs`.

use clap::Args;
use coordinator::Name;

use super::Since;
use super::shared::{Common, without};

/// `logs`
#[derive(Debug, Args)]
#[command(mut_args(without(&["port", "deadline", "hang-limit"])))]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Go on with what is written from now on
    ///
    /// Rotation of the log does not matter.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// The number of lines to print [default: 50]
    ///
    /// With --since the default is all lines.
    #[arg(short = 'n', long, value_name = "LINES")]
    pub(crate) lines: Option<u64>,
    /// Print only what is not older than this
    ///
    /// An age such as 10m, or a time such as 2026-01-31T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Since>,
    /// The child whose output is wanted
    ///
    /// Without it, the worker's own log is printed.
    #[arg(value_name = "NAME")]
    pub(crate) child: Option<Name>,
}
