use oneworker_protocol::{EnsureError, EnsureRequest, Worker, ensure_on};

use crate::system;

/// Returns the identity's one worker: the running one, or a new one.
///
/// However many sessions call this at once, at most one worker runs. Each call returns a worker that
/// proved itself during that call, or one typed error, by the deadline of `request`.
///
/// Needs a tokio runtime with I/O and time enabled; [`crate::blocking`] has a twin for programs without
/// one. Cancelling (dropping the future) leaves nothing behind. A worker that was already launched goes
/// on starting.
///
/// # Errors
/// See [`EnsureError`]; each variant has a stable [`code`](EnsureError::code).
pub async fn ensure_single_worker(request: &EnsureRequest) -> Result<Worker, EnsureError> {
    ensure_on(&system::machine(), request, &|_| {}).await
}
