//! What unit tests of this directory need: a request, a state directory, and this process.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::launch_command::LaunchCommand;
use crate::machine::{Machine, ProcessInfo};
use crate::request::EnsureRequest;
use crate::test_machine::machine;
use crate::worker_id::WorkerId;

/// A request for a worker in this state directory.
pub(super) fn request(state_dir: impl Into<PathBuf>) -> EnsureRequest {
    let id = WorkerId::builder().state_dir(state_dir).build().unwrap();
    EnsureRequest::new(id, LaunchCommand::new("w", ["serve"]))
}

/// This machine, a state directory, a request for a worker in it, and this process.
pub(super) async fn surroundings() -> (Machine, TempDir, EnsureRequest, ProcessInfo) {
    let (machine, dir) = (machine(), tempfile::tempdir().unwrap());
    let state_dir = dir.path().join("state");
    machine.files.prepare(&state_dir).await.unwrap();
    let me = machine.processes.look(machine.processes.me().pid).await.unwrap().unwrap();
    (machine, dir, request(state_dir), me)
}
