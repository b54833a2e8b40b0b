use crate::sysctl;

/// `CLOCK_UPTIME_RAW`, which stands still during sleep and is not slewed (clock_gettime(3)); all processes of a boot share it.
/// `CLOCK_MONOTONIC` will not do: on macOS it runs on through sleep.
pub(super) fn awake_nanos() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for the call. It can't fail for a clock that the system knows, and every macOS since 10.12 knows it.
    unsafe { libc::clock_gettime(libc::CLOCK_UPTIME_RAW, &raw mut now) };
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// `kern.bootsessionuuid`, drawn anew by the kernel at each boot (sysctl(3)).
pub(super) fn boot_id() -> String {
    sysctl::text(c"kern.bootsessionuuid").unwrap_or_default()
}
