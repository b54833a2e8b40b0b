//! Nothing is left of writers that were killed in the middle of it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use coordinator::layout;

use super::{Case, Finding};
use crate::commands::doctor::repair::Repair;

/// Writers take milliseconds.
const AGE: Duration = Duration::from_secs(60);

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let logs = case.dir.join(layout::LOG_DIR);
    let mut findings = Vec::new();
    for dir in [case.dir, &logs] {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // A socket that a successor waits at is one's that lives, while there is a worker that could hand over.
            let waits = name == layout::PASSING && case.in_office();
            if !is_of_writer(&name) || waits || !is_old(&entry.path()) || writer_lives(case, &name) {
                continue;
            }
            let message = format!("{} was left by a process that was killed", entry.path().display());
            let finding = Finding::warning(message, "Nobody reads it: remove it.");
            findings.push(finding.mended_by(Repair::Leftover(entry.path())));
        }
    }
    findings
}

/// Whether it is there only while somebody writes, waits or tries.
fn is_of_writer(name: &str) -> bool {
    writer(name).is_some() || name.starts_with(".tmp-log-") || name == layout::PASSING
}

/// The process in the name of a file that it writes, or tries locks with.
fn writer(name: &str) -> Option<u32> {
    let temporary = name.strip_prefix(".tmp-").and_then(|rest| rest.split('-').next());
    let scratch = name.strip_prefix("doctor.").and_then(|rest| rest.strip_suffix(".scratch"));
    temporary.or(scratch)?.parse().ok()
}

fn is_old(path: &Path) -> bool {
    let changed = path.symlink_metadata().and_then(|found| found.modified());
    changed.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age > AGE))
}

fn writer_lives(case: &Case<'_>, name: &str) -> bool {
    let Some(pid) = writer(name) else { return false };
    case.census.as_ref().is_none_or(|census| census.names.contains_key(&coordinator::machine::Pid(pid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_is_told_by_its_name_and_nothing_else_is_taken_for_one() {
        assert_eq!(writer(".tmp-12-0-worker.json"), Some(12));
        assert_eq!(writer("doctor.34.scratch"), Some(34));
        assert!(is_of_writer(".tmp-log-x") && is_of_writer("passing.sock"));
        for other in ["worker.json", ".tmp", "doctor.md", "worker.log.next", ".tmp-x-1-epoch"] {
            assert!(!is_of_writer(other), "{other}");
        }
    }
}
