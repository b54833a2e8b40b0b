//! The file system is one of this machine.

use super::{Case, Finding};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let Some(kind) = case.network else { return Vec::new() };
    let message = format!(
        "{} is on a network file system ({kind}), whose locks may not exclude a worker on another machine",
        case.dir.display()
    );
    vec![Finding::problem(
        message,
        "Name a directory of this machine, with --state-dir or ONEWORKER_STATE_DIR.",
    )]
}
