//! What the sampler sees of the processes.

use std::time::Instant;

use coordinator::machine::ProcessIdentity;

use super::super::rows::Row;

/// The processes at one time.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    /// In the order of `ps`.
    pub(super) seen: Vec<SampledProcess>,
}

/// A process, and what the pane shows besides its row.
#[derive(Clone, Debug)]
pub(super) struct SampledProcess {
    /// Identifies the process even when another one has its pid.
    pub(super) identity: ProcessIdentity,
    pub(super) row: Row,
    /// Its position in the order of `ps`.
    pub(super) position: usize,
    pub(super) arguments: Vec<String>,
    pub(super) parent: Option<String>,
    /// Whether it belongs to the identity that was asked for.
    pub(super) own: bool,
    /// Of the worker's log: its path and its last lines.
    pub(super) log: Option<(String, String)>,
}
