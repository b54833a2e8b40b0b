//! Which process is ended from the table.

use coordinator::machine::ProcessIdentity;

use super::sample::SampledProcess;
use crate::census::ProcessKind;

/// The process to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EndTarget {
    /// As `oneworker stop` does, if it still is this one.
    Worker(ProcessIdentity),
    /// As `oneworker reap` does.
    Stray(ProcessIdentity),
}

/// Returns what is ended if this row is chosen, with the question to ask. The error says why it is not ended.
pub(super) fn end_target(seen: &SampledProcess) -> Result<(EndTarget, String), String> {
    let (pid, name) = (seen.row.pid, seen.row.name.as_deref().unwrap_or_default());
    match seen.row.kind {
        ProcessKind::Worker | ProcessKind::Supervisor if seen.own => {
            let question = format!("Stop the worker of {name:?}, pid {pid}?");
            Ok((EndTarget::Worker(seen.identity.clone()), question))
        }
        ProcessKind::Worker | ProcessKind::Supervisor => {
            Err(format!("it is the worker of another identity: `oneworker stop --name {name}` ends it"))
        }
        ProcessKind::Stray => Ok((EndTarget::Stray(seen.identity.clone()), format!("End the stray {pid}?"))),
        ProcessKind::Guardian | ProcessKind::Command | ProcessKind::Helper => Err(format!(
            "a {} is the worker's: it ends with the worker, and alone it would be missed",
            seen.row.kind.word()
        )),
        ProcessKind::Session => Err("a session is whoever works there; it is not ended from here".to_owned()),
    }
}
