use oneworker_protocol::{LaunchCommand, WorkerSpec, WorkerSpecBuilder};

use crate::default_state_dir;

/// Begins a spec whose state directory is by default that of its name in the user's home, as [`default_state_dir`] says.
///
/// [`WorkerSpec::builder`] does the same without that default.
pub fn worker_spec(launch: LaunchCommand) -> WorkerSpecBuilder {
    WorkerSpec::builder(launch).usual_state_dir(default_state_dir)
}
