//! Descriptors between fork and exec, where nothing may be allocated: closing those that nobody is to have.

use std::os::fd::RawFd;

/// Has every descriptor from this one on closed when a program is executed.
///
/// # Safety
/// Async-signal-safe, and changes nothing but flags; callers must not rely on descriptors surviving exec.
pub unsafe fn close_on_exec_from(first: RawFd) {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: a plain system call (close_range(2)), since Linux 5.11 with this flag.
        let done =
            unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        if done == 0 {
            return;
        }
    }
    // SAFETY: fcntl on a number that is no descriptor fails and changes nothing.
    unsafe {
        for fd in first..descriptor_limit() {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

/// Closes every descriptor but these two.
///
/// # Safety
/// As [`close_all`].
pub unsafe fn close_all_but(a: RawFd, b: RawFd) {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    for (first, last) in [(0, low - 1), (low + 1, high - 1), (high + 1, RawFd::MAX)] {
        if first <= last {
            // SAFETY: as the caller promises.
            unsafe { close_all(first, last) };
        }
    }
}

/// Closes the descriptors `first` to `last`.
///
/// # Safety
/// Async-signal-safe; only where nothing else in the process uses its descriptors.
pub unsafe fn close_all(first: RawFd, last: RawFd) {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: a plain system call (close_range(2)), since Linux 5.9.
        if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
            return;
        }
    }
    // SAFETY: close on a number that is no descriptor fails and changes nothing.
    unsafe {
        for fd in first..=last.min(descriptor_limit()) {
            libc::close(fd);
        }
    }
}

/// The highest number that a descriptor can have, within reason.
///
/// # Safety
/// None needed: a plain system call.
unsafe fn descriptor_limit() -> RawFd {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is valid for the call.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    RawFd::try_from(limit.rlim_cur).unwrap_or(65_536).clamp(256, 65_536)
}
