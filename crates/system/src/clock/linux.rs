use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC`, which on Linux stands still during suspend (clock_gettime(2)); all processes of a boot share it.
pub(super) fn awake_nanos() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// random(4): drawn anew by the kernel at each boot.
pub(super) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}
