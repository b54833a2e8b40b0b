//! The machine that this process runs on, with the history if the feature `history` is on.

#[cfg(all(oneworker_test, debug_assertions))]
use std::sync::OnceLock;
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
    composed(oneworker_system::machine())
}

/// The same, on which this process starts every worker itself, also one whose unit of systemd is enabled.
pub fn unmanaged() -> Machine {
    composed(oneworker_system::unmanaged())
}

/// This machine, with probes that block for at most `patience`.
pub(crate) fn glancing(patience: Duration) -> Machine {
    composed(oneworker_system::glancing(patience))
}

fn composed(machine: Machine) -> Machine {
    #[cfg(feature = "history")]
    let machine = Machine { history: std::sync::Arc::new(oneworker_history::SqliteHistory), ..machine };
    #[cfg(all(oneworker_test, debug_assertions))]
    if let Some(wrapper) = WRAPPER.get() {
        return wrapper(machine);
    }
    machine
}

#[cfg(all(oneworker_test, debug_assertions))]
static WRAPPER: OnceLock<fn(Machine) -> Machine> = OnceLock::new();

/// Has `wrapper` put around each machine of this process. The first wrapper stays. Only test builds of this workspace have it.
#[cfg(all(oneworker_test, debug_assertions))]
pub fn wrap(wrapper: fn(Machine) -> Machine) {
    let _ = WRAPPER.set(wrapper);
}
