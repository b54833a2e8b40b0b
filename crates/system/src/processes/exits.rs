//! The end of a process that is not this one's child, as the systems with kqueue(2) tell it.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent_timespec, kqueue};
use rustix::time::Timespec;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::identity::lives;
use oneworker_protocol::machine::{Pid, ProcessIdentity, ProcessInfo};

const NO_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Returns at once where there is no notice, or where the pid is another's by now.
pub(super) async fn notice_of_end(
    process: &ProcessIdentity,
    look: impl Fn(Pid) -> io::Result<Option<ProcessInfo>>,
) {
    let Some(queue) = exits_of(process.pid) else { return };
    if !lives(process, look(process.pid)) {
        return;
    }
    // SAFETY: the descriptor is owned by what is registered, and stays open for as long.
    let registered = unsafe { AsyncFd::register_with_interest(queue, Interest::READABLE) };
    if let Ok(registered) = registered {
        let _ = registered.readable().await;
    }
}

/// A queue that has an event once the process exits (kqueue(2): `EVFILT_PROC`, `NOTE_EXIT`). It can itself be waited for, like a socket.
fn exits_of(pid: Pid) -> Option<OwnedFd> {
    let pid = i32::try_from(pid.0).ok().and_then(rustix::process::Pid::from_raw)?;
    let filter = EventFilter::Proc { pid, flags: ProcessEvents::EXIT };
    let watched = Event::new(filter, EventFlags::ADD | EventFlags::ONESHOT, std::ptr::null_mut());
    let queue = kqueue().ok()?;
    let mut none: [Event; 0] = [];
    // SAFETY: the event names no descriptor that could be closed meanwhile.
    unsafe { kevent_timespec(&queue, &[watched], &mut none, Some(&NO_TIME)) }.ok()?;
    Some(queue)
}
