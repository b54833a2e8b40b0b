//! What a worker needs of the system is allowed here: a worker that is started from here inherits what is not.

use std::net::{Ipv4Addr, TcpListener};

use super::{Case, Finding};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let refused = case.sockets.as_ref().err().map(|error| ("open a socket", error.to_string()));
    // Any port but the identity's, which nobody but the worker may try.
    let refused = refused.or_else(|| {
        let tried = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        tried.err().map(|error| ("listen on an address of this machine", error.to_string()))
    });
    if let Some((what, error)) = refused {
        let message = format!("this process may not {what}: {error}");
        let help = "Allow it in the sandbox that this runs in, or start the worker outside of it first.";
        findings.push(Finding::problem(message, help));
    }
    findings.extend(open_files());
    findings
}

/// As many as a worker's connections, logs and databases take.
#[cfg(unix)]
const FILES: u64 = 320;

#[cfg(unix)]
fn open_files() -> Option<Finding> {
    use rustix::process::{Resource, getrlimit};
    let most = getrlimit(Resource::Nofile).current?;
    (most < FILES).then(|| {
        let message = format!(
            "a process may have {most} files open here, and a worker with all its connections takes up to {FILES}"
        );
        Finding::warning(message, format!("Raise the limit before sessions start: ulimit -n {FILES}"))
    })
}

#[cfg(not(unix))]
fn open_files() -> Option<Finding> {
    None
}
