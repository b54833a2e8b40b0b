//! The user database, where programs are linked with the system's own C library.

use std::ffi::{CStr, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;

use oneworker_protocol::NoStateDir;

/// More than any entry of a directory service needs; what asks for more is broken.
const MAX_ENTRY: usize = 1 << 20;

/// The user, as text that identifies it on this machine.
pub(crate) fn id() -> String {
    rustix::process::geteuid().as_raw().to_string()
}

/// The home in the user database. Not `/etc/passwd`, which on macOS names system accounts only: `getpwuid_r` asks Open Directory there, and
/// what nsswitch.conf(5) names on FreeBSD.
pub(crate) fn home() -> Result<PathBuf, NoStateDir> {
    let user = rustix::process::geteuid().as_raw();
    let missing = |why: String| NoStateDir { user: user.to_string(), why };
    match entry(user) {
        Ok(Some(home)) if home.is_absolute() => Ok(home),
        Ok(Some(home)) => Err(missing(format!("{home:?} is not an absolute path"))),
        Ok(None) => Err(missing("no entry".to_owned())),
        Err(error) => Err(missing(error.to_string())),
    }
}

/// The home in the user's entry, if there is one.
fn entry(user: libc::uid_t) -> io::Result<Option<PathBuf>> {
    let mut strings = vec![0_u8; 4096];
    loop {
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut found = ptr::null_mut();
        // SAFETY: all pointers are valid for the call, and the buffer is as long as is said. getpwuid_r(3) is thread-safe.
        let error = unsafe {
            libc::getpwuid_r(
                user,
                entry.as_mut_ptr(),
                strings.as_mut_ptr().cast(),
                strings.len(),
                &raw mut found,
            )
        };
        match error {
            libc::ERANGE if strings.len() < MAX_ENTRY => strings.resize(strings.len() * 2, 0),
            libc::EINTR => {}
            0 if found.is_null() => return Ok(None),
            0 => {
                // SAFETY: `found` points to `entry`, which the call has filled in; its strings lie in `strings`, which lives on.
                let dir = unsafe { (*found).pw_dir };
                if dir.is_null() {
                    return Ok(None);
                }
                // SAFETY: not null, and ends with a zero within `strings`.
                let home = OsStr::from_bytes(unsafe { CStr::from_ptr(dir) }.to_bytes());
                return Ok((!home.is_empty()).then(|| PathBuf::from(home)));
            }
            error => return Err(io::Error::from_raw_os_error(error)),
        }
    }
}
