//! `oneworker service`

use clap::{Args, Subcommand};

use super::setting_flags::Tuning;
use super::shared::{Common, Output, Supervised, without};
use super::{Consent, help};
use crate::service::Manager;

/// `service`
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Write the service down, after showing it
    ///
    /// The command that starts it is printed.
    #[command(after_long_help = help::SERVICE)]
    Install(ServiceChange),
    /// Take it away again
    #[command(after_long_help = help::SERVICE)]
    Uninstall(ServiceChange),
    /// Print what would be written, and whether it is
    #[command(after_long_help = help::SERVICE)]
    Show(ServiceArgs),
}

/// Which service.
#[derive(Debug, Args)]
#[command(mut_args(without(&["deadline"])))]
pub(crate) struct ServiceArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    #[command(flatten)]
    pub(crate) supervised: Supervised,
    #[command(flatten)]
    pub(crate) output: Output,
    /// The service manager
    ///
    /// [default: this system's own]
    #[arg(long, value_name = "MANAGER", hide_possible_values = true)]
    pub(crate) manager: Option<Manager>,
    /// Write a socket unit beside it
    ///
    /// systemd listens at the port, and starts the worker when somebody connects.
    #[arg(long)]
    pub(crate) socket: bool,
}

/// `service install`, `service uninstall`
#[derive(Debug, Args)]
pub(crate) struct ServiceChange {
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    #[command(flatten)]
    pub(crate) consent: Consent,
}
