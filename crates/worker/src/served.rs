//! How a worker's run ends.

use coordinator::Holder;

use crate::stop::StopReason;

/// How a worker's run ended without an error.
#[derive(Debug)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // Made once in a process's life.
pub enum Served {
    /// Another worker is running; nothing was touched. The process should exit with status 0.
    Lost(Holder),
    /// The worker ran, or stood by, until it was told to stop.
    Ended {
        /// Why.
        why: StopReason,
    },
}
