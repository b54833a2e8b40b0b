//! The flags of `ensure`.

use clap::Args;

use super::Lease;
use super::setting_flags::{Passed, Upgrade};
use super::shared::{Common, Output, Supervised};

/// `ensure`
#[derive(Debug, Args)]
pub(crate) struct EnsureArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) passed: Passed,
    #[command(flatten)]
    pub(crate) supervised: Supervised,
    #[command(flatten)]
    pub(crate) upgrade: Upgrade,
    /// Start nothing
    ///
    /// If no worker runs, fail with `not_running`.
    #[arg(long)]
    pub(crate) no_start: bool,
    /// Begin a lease for this session, or renew it
    ///
    /// The worker stays for as long as the lease lasts.
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    #[command(flatten)]
    pub(crate) lease: Lease,
}
