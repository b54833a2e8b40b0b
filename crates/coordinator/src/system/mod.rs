//! The real machine: what [`crate::machine`] asks for, on Linux, macOS, FreeBSD and Windows. One folder per concern, one file per
//! platform in it, and all the `unsafe` of the crate.

mod activation;
mod clock;
#[cfg(unix)]
mod descriptors;
mod files;
pub(crate) mod glance;
#[cfg(windows)]
mod inheritance;
mod launcher;
mod locks;
mod network;
mod processes;
pub(crate) mod random;
mod readiness;
#[cfg(windows)]
mod registry;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod sysctl;
pub mod tree;
pub(crate) mod user;

#[cfg(unix)]
pub use activation::listens;
pub use activation::{PassedSocketError, passed_listener};
#[doc(hidden)]
pub(crate) use launcher::environment;
pub use launcher::reports_in;
pub use network::client as http_client;

use std::sync::{Arc, OnceLock};

#[cfg(all(unix, feature = "failpoints"))]
pub(crate) use processes::stop_here;

use crate::machine::{Machine, Readiness};

/// This machine. Cheap to ask for again.
pub fn machine() -> Machine {
    static MACHINE: OnceLock<Machine> = OnceLock::new();
    MACHINE
        .get_or_init(|| Machine {
            clock: Arc::new(clock::SystemClock),
            files: Arc::new(files::SystemFiles),
            locks: Arc::new(locks::locks()),
            processes: Arc::new(processes::SystemProcesses),
            launcher: Arc::new(launcher::SystemLauncher),
            network: Arc::new(network::SystemNetwork),
            random: Arc::new(random::SystemRandom),
            lifecycle: Arc::new(crate::lifecycle::SqliteLifecycle),
        })
        .clone()
}

/// The readiness channel that a launcher left for this process, or one that nobody listens to. The first call takes it over.
pub fn readiness() -> Box<dyn Readiness> {
    readiness::inherited()
}
