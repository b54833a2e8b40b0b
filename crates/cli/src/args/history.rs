//! The flags of the commands that tell what has happened.

use clap::Args;

use super::{Common, Output, Since};

/// `events`
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    /// Go on with what happens from now on
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Begin so many events before the end [default: 50; with --since all]
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) lines: Option<u32>,
    /// Only what is so old or younger, such as 1h, or of this time on, such as 2026-01-31T08:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<Since>,
}

/// `explain`
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    /// Only the last tenure, and what came after it
    #[arg(long)]
    pub(crate) last: bool,
    /// Begin so long ago, such as 1h, or at this time [default: the last 200 events]
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    pub(crate) since: Option<Since>,
}
