//! What unit tests of this directory need: this machine, a request, and this process.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::machine::{Machine, ProcessInfo};
use crate::spec::{LaunchCommand, WorkerSpec};

/// This machine.
pub(super) fn machine() -> Machine {
    crate::test_machine::machine()
}

/// A request for a worker in this state directory.
pub(super) fn request(state_dir: impl Into<PathBuf>) -> WorkerSpec {
    WorkerSpec::builder(LaunchCommand::new("w", ["serve"])).state_dir(state_dir).build().unwrap()
}

/// This machine, a state directory, a request for a worker in it, and this process.
pub(super) async fn surroundings() -> (Machine, TempDir, WorkerSpec, ProcessInfo) {
    let (machine, dir) = (machine(), tempfile::tempdir().unwrap());
    let state_dir = dir.path().join("state");
    machine.files.prepare(&state_dir).await.unwrap();
    let me = machine.processes.look(machine.processes.me().pid).await.unwrap().unwrap();
    (machine, dir, request(state_dir), me)
}
