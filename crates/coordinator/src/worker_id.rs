use oneworker_protocol::{WorkerId, WorkerIdBuilder};

use crate::default_state_dir;

/// Begins an identity of this name. Its state directory is by default that of the name in the user's
/// home, as [`default_state_dir`] says.
///
/// [`WorkerId::builder`] does the same without that default.
pub fn worker_id(name: &str) -> WorkerIdBuilder {
    WorkerId::builder().usual_state_dir(default_state_dir).name(name)
}
