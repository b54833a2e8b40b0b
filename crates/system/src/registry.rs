//! Values of the machine's registry: numbers and texts that Windows keeps about itself.

use std::ffi::OsStr;
use std::os::windows::ffi::OsStrExt;
use std::ptr;

use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, REG_ROUTINE_FLAGS, RRF_RT_REG_DWORD, RRF_RT_REG_SZ, RRF_SUBKEY_WOW6464KEY,
    RegGetValueW,
};

/// A number below `HKEY_LOCAL_MACHINE`; `None` if it is missing or may not be read.
pub(super) fn number(key: &str, value: &str) -> Option<u32> {
    let mut bytes = [0; 4];
    (read(key, value, RRF_RT_REG_DWORD, &mut bytes)? == bytes.len()).then(|| u32::from_le_bytes(bytes))
}

/// A short text below `HKEY_LOCAL_MACHINE`; `None` if it is missing, empty, longer than an identifier, or may not be read.
pub(super) fn text(key: &str, value: &str) -> Option<String> {
    let mut bytes = [0; 512];
    let len = read(key, value, RRF_RT_REG_SZ, &mut bytes)?;
    let units: Vec<u16> =
        bytes[..len].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let text = String::from_utf16(&units).ok()?;
    Some(text.trim_end_matches('\0').to_owned()).filter(|text| !text.is_empty())
}

/// How many bytes were read (RegGetValueW, which adds the zero that a text may lack). A 32-bit program sees the 64-bit registry too:
/// installs of both kinds have to agree.
fn read(key: &str, value: &str, kind: REG_ROUTINE_FLAGS, bytes: &mut [u8]) -> Option<usize> {
    let (key, value) = (wide(key), wide(value));
    let mut len = u32::try_from(bytes.len()).ok()?;
    // SAFETY: both names end with a zero, and the buffer is as long as `len` says.
    let failed = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            value.as_ptr(),
            kind | RRF_SUBKEY_WOW6464KEY,
            ptr::null_mut(),
            bytes.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    if failed != 0 { None } else { usize::try_from(len).ok().filter(|len| *len <= bytes.len()) }
}

fn wide(text: &str) -> Vec<u16> {
    OsStr::new(text).encode_wide().chain([0]).collect()
}
