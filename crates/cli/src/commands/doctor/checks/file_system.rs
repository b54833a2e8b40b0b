//! The file system is one of this machine, and can be written to.

use super::{Case, Finding};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let elsewhere = "Name a directory of this machine, with --state-dir or ONEWORKER_STATE_DIR.";
    let mut findings = Vec::new();
    if let Some(kind) = case.network {
        let message = format!(
            "{} is on a network file system ({kind}), whose locks may not exclude a worker on another machine",
            case.dir.display()
        );
        findings.push(Finding::problem(message, elsewhere));
    }
    if is_read_only(case.dir) {
        let message = format!("{} is on a file system that is mounted read-only", case.dir.display());
        let help = format!(
            "Mount it for writing (the kernel does it read-only after an error of the disk). {elsewhere}"
        );
        findings.push(Finding::problem(message, help));
    }
    findings
}

#[cfg(unix)]
fn is_read_only(dir: &std::path::Path) -> bool {
    use rustix::fs::StatVfsMountFlags;
    let place = dir.ancestors().find(|dir| dir.exists());
    let found = place.and_then(|place| rustix::fs::statvfs(place).ok());
    found.is_some_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
}

#[cfg(not(unix))]
fn is_read_only(_: &std::path::Path) -> bool {
    false
}
