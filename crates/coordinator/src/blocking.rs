//! The same for programs without an async runtime.

use std::io;

use tokio::runtime::{Builder, Runtime};

use crate::{EnsureError, EnsureRequest, Worker, system};

/// [`crate::ensure_single_worker`], on the calling thread. Starts no thread, and leaves none behind.
///
/// # Errors
/// As [`crate::ensure_single_worker`].
///
/// # Panics
/// If called from within an async runtime, which it would block: use the async twin there.
pub fn ensure_single_worker(request: &EnsureRequest) -> Result<Worker, EnsureError> {
    if let Some(worker) = probe_once(request) {
        return Ok(worker);
    }
    let runtime =
        event_loop().map_err(|source| EnsureError::NotPermitted { what: "set up an event loop", source })?;
    let worker = runtime.block_on(crate::ensure_single_worker(request));
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

/// Returns the running worker if it proves itself at the first probe, without an event loop.
///
/// That is what most calls come to, and a process that is made for one call needs no event loop then.
/// Blocks for at most 50 ms, or for a quarter of the deadline of `request`. `None` only means that
/// [`ensure_single_worker`] must be called.
pub fn probe_once(request: &EnsureRequest) -> Option<Worker> {
    let machine = system::glancing(oneworker_protocol::probe_once_limit(request));
    oneworker_protocol::probe_once(&machine, request)
}
