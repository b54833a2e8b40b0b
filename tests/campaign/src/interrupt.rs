//! Signals that ask the campaign to end.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn catch(signal: libc::c_int) {
    CAUGHT.store(signal, Ordering::SeqCst);
}

/// Calls this, once, with the first signal of those that come from a terminal, a shell or a service manager. The processes that the campaign
/// starts are ended by them as ever: `exec` puts back what a handler replaced.
pub(crate) fn on_interrupt(end: impl FnOnce(i32) + Send + 'static) {
    let handler = catch as extern "C" fn(libc::c_int);
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler only stores a number, which is async-signal-safe.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
    std::thread::spawn(move || {
        while CAUGHT.load(Ordering::SeqCst) == 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        end(CAUGHT.load(Ordering::SeqCst));
    });
}
