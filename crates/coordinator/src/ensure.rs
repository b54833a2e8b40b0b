use oneworker_protocol::{EnsureError, Worker, WorkerSpec, ensure_on};

use crate::system;

/// Gives the identity's one worker: the one in office, or a new one.
///
/// However many sessions call this at once, at most one worker is in office, and each call returns one that proved itself during
/// that call, or one typed error, by the spec's deadline.
///
/// Needs a tokio runtime with I/O and time enabled; [`crate::blocking`] has a twin for programs without one. Cancelling (dropping the
/// future) leaves nothing behind; a worker that was already launched goes on starting.
///
/// # Errors
/// See [`EnsureError`]; each variant has a stable [`code`](EnsureError::code).
pub async fn ensure_single_worker(spec: &WorkerSpec) -> Result<Worker, EnsureError> {
    ensure_on(&system::machine(), spec, &|_| {}).await
}
