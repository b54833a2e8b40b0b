//! The flags of `session`, and of other commands that keep a lease.

use clap::{Args, ValueEnum};

use super::shared::{Common, Output};

/// How long a session lasts.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Lease {
    /// End the session with this process
    #[arg(long, value_name = "PID")]
    pub(crate) session_pid: Option<u32>,
    /// End it after this time [default: 12h]
    ///
    /// If it is heard of again, the time begins again.
    #[arg(long, value_name = "TIME")]
    pub(crate) session_ttl: Option<humantime::Duration>,
}

/// What to do with a session's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SessionAction {
    /// Begin a lease, or go on with it
    Start,
    /// Go on with a lease
    Touch,
    /// End a lease
    End,
    /// List the leases
    List,
}

/// `session`
#[derive(Debug, Args)]
pub(crate) struct SessionArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    /// What to do
    #[arg(value_name = "ACTION")]
    pub(crate) action: SessionAction,
    /// The session's name
    #[arg(value_name = "ID", required_if_eq_any = [("action", "start"), ("action", "touch"), ("action", "end")])]
    pub(crate) session: Option<String>,
    #[command(flatten)]
    pub(crate) lease: Lease,
}
