//! Which file systems are other machines' too. Their locks may not exclude, or not be seen, across machines.

use std::path::Path;

/// The kind of network file system at `dir`, by the magic numbers of statfs(2).
#[cfg(target_os = "linux")]
pub(super) fn file_system(dir: &Path) -> Option<&'static str> {
    // The type of the number differs between architectures; the magic numbers have 32 bits.
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
    rustix::fs::statfs(dir).ok().and_then(|stat| kind(stat.f_type as u32))
}

#[cfg(target_os = "linux")]
fn kind(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "NFS",
        0x517B | 0xFE53_4D42 => "SMB",
        0xFF53_4D42 => "CIFS",
        0x0102_1997 => "9P",
        0x5346_414F => "AFS",
        0x00C3_6400 => "Ceph",
        0x0BD0_0BD0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x0116_1970 => "GFS2",
        0x7461_636F => "OCFS2",
        0x7375_7245 => "Coda",
        _ => return None,
    })
}

/// What statfs(2) calls it, where that says that it is not local (`MNT_LOCAL`).
#[cfg(target_os = "macos")]
pub(super) fn file_system(dir: &Path) -> Option<&'static str> {
    let stat = rustix::fs::statfs(dir).ok()?;
    if stat.f_flags & libc::MNT_LOCAL.cast_unsigned() != 0 {
        return None;
    }
    let name: Vec<u8> =
        stat.f_fstypename.iter().take_while(|byte| **byte != 0).map(|byte| byte.cast_unsigned()).collect();
    Some(match name.as_slice() {
        b"nfs" => "NFS",
        b"smbfs" => "SMB",
        b"afpfs" => "AFP",
        b"webdav" => "WebDAV",
        _ => "a file system that is not local",
    })
}

/// A path of another machine, or a drive that is one's (MSDN, `GetDriveTypeW`).
#[cfg(windows)]
pub(super) fn file_system(dir: &Path) -> Option<&'static str> {
    use std::os::windows::ffi::OsStrExt;
    use std::path::{Component, Prefix};

    use windows_sys::Win32::Storage::FileSystem::GetDriveTypeW;

    /// `DRIVE_REMOTE`, which `windows-sys` has among much else.
    const REMOTE: u32 = 4;
    let Some(Component::Prefix(prefix)) = dir.components().next() else { return None };
    match prefix.kind() {
        Prefix::UNC(..) | Prefix::VerbatimUNC(..) => Some("a share of another machine"),
        Prefix::Disk(letter) | Prefix::VerbatimDisk(letter) => {
            let root: Vec<u16> = std::ffi::OsString::from(format!("{}:\\", char::from(letter)))
                .encode_wide()
                .chain([0])
                .collect();
            // SAFETY: a text that ends with zero.
            let kind = unsafe { GetDriveTypeW(root.as_ptr()) };
            (kind == REMOTE).then_some("a network drive")
        }
        _ => None,
    }
}

/// Not told apart on this system.
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
pub(super) fn file_system(_dir: &Path) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_temporary_files_is_this_machine_s() {
        assert_eq!(file_system(&std::env::temp_dir()), None);
    }

    #[cfg(windows)]
    #[test]
    fn a_share_is_told_from_a_drive() {
        let kind = |path| file_system(Path::new(path));
        assert_eq!(kind(r"\\server\share\state"), Some("a share of another machine"));
        assert_eq!(kind(r"\\?\UNC\server\share\state"), Some("a share of another machine"));
        assert_eq!(kind(r"\\?\C:\state"), None);
        assert_eq!(kind("state"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        assert_eq!(kind(0x6969), Some("NFS"));
        assert_eq!(kind(0xEF53), None, "ext4");
        assert_eq!(file_system(Path::new("/proc")), None);
        assert_eq!(file_system(Path::new("/does/not/exist")), None);
    }
}
