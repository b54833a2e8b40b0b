//! An event loop of each thread's own. What a feed needs on the other side (a worker, somebody who answers) does its part on the same
//! thread while the feed waits, so that its memory counts as the feed's, and the same bytes always take the same course.

use tokio::runtime::{Builder, Runtime};

thread_local! {
    static EVENT_LOOP: Runtime = Builder::new_current_thread().enable_all().build().expect("an event loop");
}

/// Waits for a future on this thread; its blocking part runs on another that ends with it.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    EVENT_LOOP.with(|event_loop| event_loop.block_on(future))
}
