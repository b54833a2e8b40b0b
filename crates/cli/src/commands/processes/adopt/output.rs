//! What `--json` prints.

use coordinator::Worker;
use serde::Serialize;

use super::super::ending::{EndOutcome, ProcessEnd};
use super::old_daemon::OldDaemon;
use crate::commands::ensure::EnsureOutput;
use crate::output::SCHEMA;

/// The shape of the answer.
#[derive(Serialize)]
pub(super) struct AdoptOutput<'a> {
    schema: u32,
    outcome: &'static str,
    name: &'a str,
    port: u16,
    /// The daemon that was there.
    daemon: DaemonOutput<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<EnsureOutput<'a>>,
}

#[derive(Serialize)]
struct DaemonOutput<'a> {
    pid: u32,
    program: &'a str,
    arguments: &'a [String],
    directory: Option<&'a str>,
    /// What it answered to `GET /health`.
    health_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<EndOutcome>,
}

impl<'a> AdoptOutput<'a> {
    pub(super) fn shown(name: &'a str, daemon: &'a OldDaemon) -> Self {
        let shown = DaemonOutput {
            pid: daemon.row.pid,
            program: &daemon.row.program,
            arguments: &daemon.arguments,
            directory: daemon.directory.as_deref(),
            health_status: daemon.status,
            ended: None,
        };
        Self { schema: SCHEMA, outcome: "shown", name, port: daemon.port, daemon: shown, worker: None }
    }

    pub(super) fn adopted(
        name: &'a str,
        daemon: &'a OldDaemon,
        ended: &ProcessEnd,
        worker: &'a Worker,
    ) -> Self {
        let shown = Self::shown(name, daemon);
        let ended = DaemonOutput { ended: Some(ended.outcome), ..shown.daemon };
        Self { outcome: "adopted", daemon: ended, worker: Some(EnsureOutput::new(name, worker)), ..shown }
    }
}
