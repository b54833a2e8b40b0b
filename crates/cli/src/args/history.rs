//! The flags of the commands that tell what has happened.

use clap::Args;

use super::Since;
use super::shared::{Common, Output, without};

/// `events`
#[derive(Debug, Args)]
#[command(mut_args(without(&["port", "deadline", "hang-limit"])))]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    /// Go on with what happens from now on
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// The number of events to print [default: 50]
    ///
    /// With --since the default is all events.
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) lines: Option<u32>,
    /// Print only what is not older than this
    ///
    /// An age such as 1h, or a time such as 2026-01-31T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Since>,
}

/// `explain`
#[derive(Debug, Args)]
#[command(mut_args(without(&["hang-limit"])))]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    /// Only the last tenure, and what came after it
    #[arg(long)]
    pub(crate) last: bool,
    /// Begin at this time
    ///
    /// An age such as 1h, or a time. [default: the last 200 events]
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    pub(crate) since: Option<Since>,
}
