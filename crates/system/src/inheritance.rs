//! What a started process inherits on Windows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use windows_sys::Win32::Foundation::{
    GetHandleInformation, HANDLE, HANDLE_FLAG_INHERIT, INVALID_HANDLE_VALUE, SetHandleInformation,
};
use windows_sys::Win32::System::Console::{
    GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE,
};

/// The standard handles of this process, kept from being inherited for as long as this lives.
///
/// A started process gets *every* inheritable handle, besides those that it is given for its own standard streams. Ours were inherited
/// themselves, so they are inheritable; a worker that has the pipe of a session's output keeps whoever waits for that output's end waiting
/// for the worker's. (A list of handles to inherit would be exact, but std does not offer it in stable Rust yet: rust-lang/rust#114854.)
/// A process that another thread starts at this very instant may miss its standard handles only if it relies on the flag; std does not.
pub struct StandardHandles {
    changed: Vec<HANDLE>,
    // One at a time: else the second would find the flags cleared, and the first would set them again too soon.
    _alone: MutexGuard<'static, ()>,
}

impl StandardHandles {
    /// Keeps them.
    pub fn keep() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = Vec::new();
        for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
            let mut flags = 0;
            // SAFETY: plain calls; a handle that is none makes them fail, and the pointer is valid for the call.
            unsafe {
                let handle = GetStdHandle(which);
                if handle.is_null()
                    || handle == INVALID_HANDLE_VALUE
                    || GetHandleInformation(handle, &raw mut flags) == 0
                {
                    continue;
                }
                if flags & HANDLE_FLAG_INHERIT != 0
                    && SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) != 0
                {
                    changed.push(handle);
                }
            }
        }
        Self { changed, _alone: alone }
    }
}

impl Drop for StandardHandles {
    fn drop(&mut self) {
        for handle in &self.changed {
            // SAFETY: a plain call; were the handle closed meanwhile, it would fail.
            unsafe { SetHandleInformation(*handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) };
        }
    }
}
