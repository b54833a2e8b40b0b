//! A process that is nothing but a worker.

use std::time::Duration;

use coordinator::WorkerId;

use crate::error::ServeError;
use crate::options::ServeOptions;
use crate::serve::serve_on;
use crate::served::Served;
use crate::{activation, log, panic};

/// Runs a worker of `id` on the real machine until it ends: log, panic hook, event loop and
/// [`crate::serve`]. For a process that is nothing else. The process should exit when this returns.
///
/// # Errors
/// As [`crate::serve`]; and if the event loop can't be started.
pub fn run(id: &WorkerId, options: ServeOptions) -> Result<Served, ServeError> {
    // First: it needs a process with one thread.
    oneworker_supervisor::guard(&options.children).map_err(ServeError::Guard)?;
    // Second: no other descriptor may have the number of a passed socket.
    let opened = activation::take(id.port(), &options.children)?;
    panic::end_process_on_panic();
    log::start(options.log_level);
    // One thread serves. The worker waits most of the time, and a thread per core would only cost
    // memory. Threads for blocking calls are started when they are needed.
    let event_loop = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .thread_stack_size(512 * 1024)
        .thread_keep_alive(Duration::from_secs(1))
        .thread_name("worker-io")
        .build()
        .map_err(ServeError::EventLoop)?;
    let served = event_loop.block_on(serve_on(&coordinator::system::machine(), id, options, opened));
    // A blocking call that hangs must not keep the process, and with it the lock.
    event_loop.shutdown_background();
    served
}
