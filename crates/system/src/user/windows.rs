use std::ffi::{OsString, c_void};
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::PathBuf;
use std::ptr;
use std::sync::OnceLock;

use windows_sys::Win32::Foundation::{HLOCAL, LocalFree};
use windows_sys::Win32::Security::Authorization::ConvertSidToStringSidW;
use windows_sys::Win32::Security::{GetTokenInformation, TOKEN_QUERY, TOKEN_USER, TokenUser};
use windows_sys::Win32::System::Com::CoTaskMemFree;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};
use windows_sys::Win32::UI::Shell::{
    FOLDERID_LocalAppData, FOLDERID_RoamingAppData, KF_FLAG_DONT_VERIFY, KF_FLAG_NO_PACKAGE_REDIRECTION,
    KNOWN_FOLDER_FLAG, SHGetKnownFolderPath,
};
use windows_sys::core::{GUID, PWSTR};

use oneworker_protocol::NoStateDir;

/// The user's SID, as text. It is the same whether or not a session is elevated, and no two users ever have the same.
pub(crate) fn id() -> String {
    static SID: OnceLock<String> = OnceLock::new();
    // A process can always read its own token; should that ever fail, all its users would be one, and the directory's rights tell them apart.
    SID.get_or_init(|| sid().unwrap_or_else(|_| "unknown".to_owned())).clone()
}

/// `%LOCALAPPDATA%`, as the profile says and not as the environment does: it stays on this machine, where a roaming folder is copied
/// to others, locks and all.
pub(crate) fn state_home() -> Result<PathBuf, NoStateDir> {
    folder(&FOLDERID_LocalAppData)
}

/// `%APPDATA%`: a configuration may roam.
pub(crate) fn config_home() -> Result<PathBuf, NoStateDir> {
    folder(&FOLDERID_RoamingAppData)
}

/// The folder. Not redirected for packaged programs: each package would have an identity of its own. Before Windows 10 1709 (and in
/// Wine) there is no such redirection, and the flag against it is refused.
fn folder(which: &GUID) -> Result<PathBuf, NoStateDir> {
    known_folder(which, KF_FLAG_NO_PACKAGE_REDIRECTION)
        .or_else(|_| known_folder(which, 0))
        .and_then(|path| {
            if path.is_absolute() { Ok(path) } else { Err(format!("{path:?} is not an absolute path")) }
        })
        .map_err(|why| NoStateDir { user: id(), why })
}

/// SHGetKnownFolderPath. Whether the folder exists is seen when it is used.
fn known_folder(which: &GUID, flags: KNOWN_FOLDER_FLAG) -> Result<PathBuf, String> {
    let flags = (KF_FLAG_DONT_VERIFY | flags).cast_unsigned();
    let mut text: PWSTR = ptr::null_mut();
    // SAFETY: both pointers are valid for the call; no token means the user of this process.
    let result = unsafe { SHGetKnownFolderPath(which, flags, ptr::null_mut(), &raw mut text) };
    let path = if result >= 0 && !text.is_null() {
        // SAFETY: a success gives a text that ends with a zero.
        Ok(PathBuf::from(unsafe { copy(text) }))
    } else {
        Err(format!("SHGetKnownFolderPath: error {result:#010x}"))
    };
    // SAFETY: the call's own allocation or null; MSDN asks for this whether it succeeds or not.
    unsafe { CoTaskMemFree(text.cast::<c_void>()) };
    path
}

fn sid() -> io::Result<String> {
    let mut token = ptr::null_mut();
    // SAFETY: the pointer is valid for the call; GetCurrentProcess gives a constant that needs no closing.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a handle that was opened just now, for nobody else.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    // A TOKEN_USER and the SID it points to, which has 68 bytes at most (SECURITY_MAX_SID_SIZE). Of u64, so that it is aligned.
    let mut user = [0_u64; 32];
    let mut len = 0;
    let size = u32::try_from(size_of_val(&user)).map_err(io::Error::other)?;
    // SAFETY: the buffer is as long as is said, and both pointers are valid for the call.
    let done = unsafe {
        GetTokenInformation(token.as_raw_handle(), TokenUser, user.as_mut_ptr().cast(), size, &raw mut len)
    };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    let mut text: PWSTR = ptr::null_mut();
    // SAFETY: a success leaves a TOKEN_USER at the begin of the buffer, which is aligned for it.
    let sid = unsafe { (*user.as_ptr().cast::<TOKEN_USER>()).User.Sid };
    // SAFETY: the SID lies in `user`, which lives on.
    if unsafe { ConvertSidToStringSidW(sid, &raw mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a success gives a text that ends with a zero.
    let copied = unsafe { copy(text) };
    // SAFETY: the call's own allocation, used no more.
    unsafe { LocalFree(text.cast::<c_void>() as HLOCAL) };
    copied.into_string().map_err(|_| io::Error::other("the SID is no text"))
}

/// # Safety
/// `text` must end with a zero.
unsafe fn copy(text: PWSTR) -> OsString {
    let mut len = 0;
    // SAFETY: no element after the zero is read.
    while unsafe { *text.add(len) } != 0 {
        len += 1;
    }
    // SAFETY: that many elements were just read.
    OsString::from_wide(unsafe { std::slice::from_raw_parts(text, len) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_has_a_sid_and_folders() {
        assert!(id().starts_with("S-1-"), "{}", id());
        assert!(state_home().unwrap().is_absolute());
        assert!(config_home().unwrap().is_absolute());
    }
}
