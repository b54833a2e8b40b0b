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

/// Not told apart on this system yet.
#[cfg(not(target_os = "linux"))]
pub(super) fn file_system(_dir: &Path) -> Option<&'static str> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        assert_eq!(kind(0x6969), Some("NFS"));
        assert_eq!(kind(0xEF53), None, "ext4");
        assert_eq!(file_system(Path::new("/proc")), None);
        assert_eq!(file_system(Path::new("/does/not/exist")), None);
    }
}
