//! The machine that this process runs on, with the history if the feature `history` is on.

use std::time::Duration;

use oneworker_protocol::machine::Machine;
#[cfg(unix)]
pub use oneworker_system::listens;
pub use oneworker_system::{
    PassedSocketError, environment, http_client, passed_listener, readiness, reports_in, systemd,
};

/// This machine. On Linux, a worker whose unit of systemd's user manager is enabled is started through that; see [`systemd`]. Cheap to
/// ask for again.
pub fn machine() -> Machine {
    with_history(oneworker_system::machine())
}

/// The same, on which this process starts every worker itself, also one whose unit of systemd is enabled.
pub fn unmanaged() -> Machine {
    with_history(oneworker_system::unmanaged())
}

/// This machine, with probes that block for at most `patience`.
pub(crate) fn glancing(patience: Duration) -> Machine {
    with_history(oneworker_system::glancing(patience))
}

#[cfg(feature = "history")]
fn with_history(machine: Machine) -> Machine {
    Machine { history: std::sync::Arc::new(oneworker_history::SqliteHistory), ..machine }
}

#[cfg(not(feature = "history"))]
fn with_history(machine: Machine) -> Machine {
    machine
}
