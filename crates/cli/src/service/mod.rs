//! The worker as a service of the system: what each service manager reads, and where from.
//!
//! Such a worker takes office by the same lock as every other, and one that loses stands by (systemd) or ends with success (elsewhere). A
//! session that has to start one asks systemd to do it, if a unit of the identity is enabled; see
//! [`coordinator::system::systemd`].

mod by_manager;
mod definition;
mod launchd;
mod manager;
mod scheduler;
mod systemd;
mod xml;

pub(crate) use definition::Service;
pub(crate) use manager::Manager;
