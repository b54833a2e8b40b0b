use std::fs::File;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::FileType;
use rustix::io::{FdFlags, fcntl_setfd};

/// The variable that names the descriptor.
pub const VARIABLE: &str = "ONEWORKER_READY_FD";

static TAKEN: AtomicBool = AtomicBool::new(false);

pub(super) fn take() -> Option<File> {
    let fd: RawFd = std::env::var(VARIABLE).ok()?.parse().ok().filter(|fd| *fd > 2)?;
    if TAKEN.swap(true, Ordering::SeqCst) {
        return None;
    }
    // SAFETY: only looked at; a number that is no descriptor makes the call fail.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let is_pipe =
        rustix::fs::fstat(borrowed).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
    // The worker's own children must not keep the channel open: its end of file tells of the worker's death.
    if !is_pipe || fcntl_setfd(borrowed, FdFlags::CLOEXEC).is_err() {
        return None;
    }
    // SAFETY: the launcher opened it for this process and nobody else here knows its number; taken once.
    Some(File::from(unsafe { OwnedFd::from_raw_fd(fd) }))
}
