//! What the kernel says of itself by sysctl(3).

use std::ffi::CStr;
use std::ptr;

/// A text by its name; `None` where there is none, or only an empty one.
pub(super) fn text(name: &CStr) -> Option<String> {
    // A UUID as text, and its end: the longest that is asked for.
    let mut text = [0_u8; 64];
    let mut len = text.len();
    // SAFETY: the name ends with a zero, and the kernel writes at most `len` bytes to the buffer, which has that many.
    let failed = unsafe {
        libc::sysctlbyname(name.as_ptr(), text.as_mut_ptr().cast(), &raw mut len, ptr::null_mut(), 0)
    };
    if failed != 0 {
        return None;
    }
    let text = CStr::from_bytes_until_nul(&text).ok()?.to_string_lossy().into_owned();
    (!text.is_empty()).then_some(text)
}
