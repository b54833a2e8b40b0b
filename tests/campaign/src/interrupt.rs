//! Signals that ask the campaign to end.

use std::io;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

static CAUGHT: AtomicI32 = AtomicI32::new(0);

/// Held for reading while a process is started, and for ever once no more may be.
static STARTS: RwLock<()> = RwLock::new(());

/// To be held while a process of a round is started, until it has executed its program. Once [`no_more_starts`] was called this never returns.
pub(crate) fn may_start() -> RwLockReadGuard<'static, ()> {
    STARTS.read().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a process of a round.
pub(crate) fn start(command: &mut Command) -> io::Result<Child> {
    let _may = may_start();
    command.spawn()
}

/// From now on no round starts a process: what is swept after this is all that there is.
pub(crate) fn no_more_starts() {
    std::mem::forget(STARTS.write().unwrap_or_else(PoisonError::into_inner));
}

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
