//! A child process that is killed when its owner goes away.

use std::time::Duration;

use coordinator::tree::{Child, Signal};

/// How long a killed process may take to be gone.
pub(crate) const KILL_TIME: Duration = Duration::from_secs(2);

/// Kills the child's process group when it is dropped.
#[must_use = "dropping it kills the child"]
pub(crate) struct ChildGuard(pub(crate) Child);

impl Drop for ChildGuard {
    fn drop(&mut self) {
        let _ = self.0.signal_group(Signal::Kill);
    }
}
