use crate::sysctl;

/// `CLOCK_UPTIME`, which stands still during sleep (clock_gettime(2)); all processes of a boot share it.
pub(super) fn awake_nanos() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for the call. It can't fail for a clock that the system knows, and every FreeBSD since 7 knows it.
    unsafe { libc::clock_gettime(libc::CLOCK_UPTIME, &raw mut now) };
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// `kern.boot_id`, drawn anew by the kernel at each boot. Before FreeBSD 14 there is none: there, start times tell the processes of two boots apart.
pub(super) fn boot_id() -> String {
    sysctl::text(c"kern.boot_id").unwrap_or_default()
}
