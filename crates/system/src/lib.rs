//! The real machine: what [`oneworker_protocol::machine`] asks for, on Linux, macOS, FreeBSD and Windows. One file per concern, with a file
//! for each platform below it. Here is all `unsafe` of oneworker, but for that of owning a tree of processes.

mod activation;
mod clock;
#[cfg(unix)]
#[doc(hidden)]
pub mod descriptors;
mod files;
mod glance;
#[cfg(windows)]
#[doc(hidden)]
pub mod inheritance;
mod launcher;
mod locks;
mod machine;
mod network;
#[doc(hidden)]
pub mod processes;
mod random;
#[doc(hidden)]
pub mod readiness;
#[cfg(windows)]
mod registry;
mod state_dir;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod sysctl;
pub mod systemd;
mod user;

#[cfg(unix)]
pub use activation::listens;
pub use activation::{PassedSocketError, passed_listener};
pub use glance::glancing;
pub use launcher::{environment, reports_in};
pub use machine::{machine, unmanaged};
pub use network::client as http_client;
pub use readiness::inherited as readiness;
pub use state_dir::{default_config_dir, default_state_dir};
