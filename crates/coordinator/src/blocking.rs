//! The same for programs without an async runtime.

use crate::{EnsureError, Worker, WorkerSpec};

/// [`crate::ensure_single_worker`], on the calling thread. Starts no thread, and leaves none behind.
///
/// # Errors
/// As [`crate::ensure_single_worker`].
///
/// # Panics
/// If called from within an async runtime, which it would block: use the async twin there.
pub fn ensure_single_worker(spec: &WorkerSpec) -> Result<Worker, EnsureError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|source| EnsureError::NotPermitted { what: "set up an event loop", source })?;
    let worker = runtime.block_on(crate::ensure_single_worker(spec));
    // A thread that notes the history must not hold the caller up.
    runtime.shutdown_background();
    worker
}
