//! The identity's port is the worker's, or free.

use coordinator::machine::PortOwner;

use super::{Case, Finding};
use crate::service::Service;

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let Some((port, Some(owner))) = &case.port else { return Vec::new() };
    if case.in_office() && serves(case, *port, owner) || is_of_unit(case, *port, owner) {
        return Vec::new();
    }
    let message =
        format!("port {port} is held by {} (pid {}), which is not the worker", owner.program, owner.pid);
    let help = format!(
        "End it, or use another port. {} finds daemons that nobody has elected.",
        case.words.command("ps")
    );
    vec![Finding::problem(message, help)]
}

/// Whether systemd has the port for the identity's own socket unit: then it does so whether a worker is there or not.
fn is_of_unit(case: &Case<'_>, port: u16, owner: &PortOwner) -> bool {
    let service = Service::named(case.settings.name.value.as_str());
    let text = service
        .socket_path(&|variable| std::env::var_os(variable))
        .and_then(|path| std::fs::read_to_string(path).ok());
    let line = format!("ListenStream={}:{port}", std::net::Ipv4Addr::LOCALHOST);
    owner.program == "systemd" && text.is_some_and(|text| text.lines().any(|found| found.trim() == line))
}

/// Whether whoever has the port is of the tenure: it is the one in office, or comes from it.
fn serves(case: &Case<'_>, port: u16, owner: &PortOwner) -> bool {
    let Some(record) = case.office() else { return false };
    let service = record.service.is_some_and(|service| service.address.port() == port);
    let own = record.address.is_some_and(|address| address.port() == port) && owner.pid == record.process.pid;
    own || service
}
