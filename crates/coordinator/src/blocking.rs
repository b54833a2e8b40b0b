//! The same for programs without an async runtime.

use std::io;
use std::time::Duration;

use oneworker_protocol::glance_on;
use tokio::runtime::{Builder, Runtime};

use crate::{EnsureError, Worker, WorkerSpec, system};

/// [`crate::ensure_single_worker`], on the calling thread. Starts no thread, and leaves none behind.
///
/// # Errors
/// As [`crate::ensure_single_worker`].
///
/// # Panics
/// If called from within an async runtime, which it would block: use the async twin there.
pub fn ensure_single_worker(spec: &WorkerSpec) -> Result<Worker, EnsureError> {
    if let Some(worker) = glance(spec) {
        return Ok(worker);
    }
    let runtime =
        event_loop().map_err(|source| EnsureError::NotPermitted { what: "set up an event loop", source })?;
    let worker = runtime.block_on(crate::ensure_single_worker(spec));
    // A thread that notes the history must not hold the caller up.
    runtime.shutdown_background();
    worker
}

/// An event loop on the calling thread that does all that a session's call needs.
///
/// # Errors
/// If the system gives none: a sandbox, or too many open files.
pub fn event_loop() -> io::Result<Runtime> {
    // Tokio panics, instead of reporting it, if there is no descriptor left when it sets up its signals. So as many as it takes are
    // opened before, and closed again.
    let room = (0..DESCRIPTORS).map(|_| io::pipe()).collect::<io::Result<Vec<_>>>()?;
    drop(room);
    Builder::new_current_thread().enable_io().enable_time().build()
}

/// Half of the descriptors that an event loop takes, since a pipe has two.
const DESCRIPTORS: usize = 4;

/// The worker in office, if it is found and proves itself at the first look: what most calls come to. This asks without an event loop, which a process that is made for one
/// call need not set up then. It blocks for at most 50 ms, or for a quarter of the spec's deadline; whatever it meets on its way, `None` says no more than that
/// [`ensure_single_worker`] is to be asked.
pub fn glance(spec: &WorkerSpec) -> Option<Worker> {
    glance_on(&system::glancing(GLANCE.min(spec.deadline() / 4)), spec)
}

/// How long a worker may take that is well.
const GLANCE: Duration = Duration::from_millis(50);
