use std::fs::File;
use std::os::windows::io::FromRawHandle;
use std::sync::atomic::{AtomicBool, Ordering};

use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, INVALID_HANDLE_VALUE, SetHandleInformation};
use windows_sys::Win32::Storage::FileSystem::{FILE_TYPE_PIPE, GetFileType};
use windows_sys::Win32::System::Console::{GetStdHandle, STD_ERROR_HANDLE, STD_OUTPUT_HANDLE, SetStdHandle};

/// The variable that tells that standard output is the channel. A handle's number can't be given instead: a handle is inherited under the
/// same number, but std lets nothing but the three standard ones be passed on for sure.
pub const VARIABLE: &str = "ONEWORKER_READY_STDOUT";

static TAKEN: AtomicBool = AtomicBool::new(false);

/// Standard output becomes the channel, private to this process, and standard error (the log) becomes standard output.
pub(super) fn take() -> Option<File> {
    if std::env::var(VARIABLE).ok()? != "1" || TAKEN.swap(true, Ordering::SeqCst) {
        return None;
    }
    // SAFETY: a plain call.
    let channel = unsafe { GetStdHandle(STD_OUTPUT_HANDLE) };
    if channel.is_null() || channel == INVALID_HANDLE_VALUE {
        return None;
    }
    // A child of a worker has the variable too, but not the pipe.
    // SAFETY: only looked at.
    if unsafe { GetFileType(channel) } != FILE_TYPE_PIPE {
        return None;
    }
    // The worker's own children must not keep the channel open: its end of file tells of the worker's death. And what is printed must not
    // go where only reports are expected.
    // SAFETY: plain calls on standard handles, which are this process' own. std asks for its handle anew with each write.
    let private = unsafe {
        SetStdHandle(STD_OUTPUT_HANDLE, GetStdHandle(STD_ERROR_HANDLE)) != 0
            && SetHandleInformation(channel, HANDLE_FLAG_INHERIT, 0) != 0
    };
    // SAFETY: no longer a standard handle, so nobody else here knows it (a C library would, but none of this process prints); taken once.
    private.then(|| unsafe { File::from_raw_handle(channel) })
}
