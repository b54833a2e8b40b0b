use std::sync::OnceLock;

use windows_sys::Wdk::System::SystemInformation::{NtQuerySystemInformation, SystemTimeOfDayInformation};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::WindowsProgramming::QueryUnbiasedInterruptTime;
use windows_sys::core::w;

use crate::registry;

type Query = unsafe extern "system" fn(*mut u64);

/// Unbiased interrupt time: since the boot, in 100 ns, without the time asleep; all processes share it.
pub(super) fn awake_nanos() -> u64 {
    let mut time = 0;
    match precise() {
        // SAFETY: the pointer is valid for the call.
        Some(query) => unsafe { query(&raw mut time) },
        // The same time, as of the last timer tick: up to 16 ms old.
        None => {
            // SAFETY: the pointer is valid for the call, which fails for a null pointer only.
            unsafe { QueryUnbiasedInterruptTime(&raw mut time) };
        }
    }
    time.saturating_mul(100)
}

/// `QueryUnbiasedInterruptTimePrecise`, looked up at run time: it is missing in Wine and before Windows 10, and a program that imports it
/// would not start there.
fn precise() -> Option<Query> {
    static PRECISE: OnceLock<Option<Query>> = OnceLock::new();
    *PRECISE.get_or_init(|| {
        // SAFETY: a name that ends with a zero. The module is part of every process and never unloaded.
        let module = unsafe { GetModuleHandleW(w!("kernelbase.dll")) };
        if module.is_null() {
            return None;
        }
        // SAFETY: a loaded module, and a name that ends with a zero.
        let function =
            unsafe { GetProcAddress(module, c"QueryUnbiasedInterruptTimePrecise".as_ptr().cast()) }?;
        // SAFETY: `VOID QueryUnbiasedInterruptTimePrecise(PULONGLONG)` (realtimeapiset.h).
        Some(unsafe { std::mem::transmute::<unsafe extern "system" fn() -> isize, Query>(function) })
    })
}

/// The count of boots that Windows keeps for its prefetcher. Where there is none (Wine, trimmed installs): the time of the boot.
pub(super) fn boot_id() -> String {
    let prefetcher = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters";
    match registry::number(prefetcher, "BootId") {
        Some(count) => format!("boot-{count}"),
        None => boot_time().map(|time| format!("booted-{time}")).unwrap_or_default(),
    }
}

/// `SYSTEM_TIMEOFDAY_INFORMATION`, whose fields winternl.h calls reserved; known from the kernel's public symbols.
#[repr(C)]
#[derive(Default)]
struct TimeOfDay {
    boot_time: i64,
    current_time: i64,
    time_zone_bias: i64,
    time_zone_id: u32,
    reserved: u32,
    boot_time_bias: i64,
    sleep_time_bias: i64,
}

/// When this boot was, in 100 ns since 1601, by the clock of then. The kernel moves `boot_time` when somebody sets the clock, and notes by
/// how much in `boot_time_bias`; so the difference stays the same for the whole boot.
fn boot_time() -> Option<i64> {
    let mut time = TimeOfDay::default();
    let size = u32::try_from(size_of::<TimeOfDay>()).ok()?;
    // SAFETY: the buffer is valid for the call and as long as is said; it consists of numbers, for which any bytes are valid.
    let status = unsafe {
        NtQuerySystemInformation(
            SystemTimeOfDayInformation,
            (&raw mut time).cast(),
            size,
            std::ptr::null_mut(),
        )
    };
    (status >= 0 && time.boot_time != 0).then(|| time.boot_time.wrapping_sub(time.boot_time_bias))
}
