//! The service managers.

use clap::ValueEnum;

/// A service manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Manager {
    /// systemd's user manager
    Systemd,
    /// launchd, as an agent
    Launchd,
    /// The task scheduler of Windows
    Schtasks,
}

impl Manager {
    /// Returns this system's own.
    pub(crate) fn here() -> Self {
        match std::env::consts::OS {
            "macos" => Self::Launchd,
            "windows" => Self::Schtasks,
            _ => Self::Systemd,
        }
    }
}
