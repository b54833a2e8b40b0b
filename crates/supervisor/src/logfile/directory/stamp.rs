//! Identifies a file by more than its path.

/// Which file it is, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Device and inode. The same for all files on a system that does not tell.
    pub(super) identity: (u64, u64),
    /// The size in bytes.
    pub size: u64,
}

impl Stamp {
    /// Returns whether both are the same file.
    pub fn same_file(self, other: Self) -> bool {
        self.identity == other.identity
    }
}
