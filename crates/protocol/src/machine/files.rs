use std::io;
use std::path::Path;

use async_trait::async_trait;

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileStamp {
    /// The device.
    pub device: u64,
    /// The inode, or the file index on Windows.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Time of the last change, in nanoseconds.
    pub modified: i128,
}

impl FileStamp {
    /// Whether both are of one file, whatever was written to it.
    pub fn same_file(self, other: Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// Whether a write has to survive a power failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Visible to every process at once; may be lost with the power.
    Visible,
    /// File and directory are synced before the call returns.
    Synced,
}

/// The files of a state directory, by path: the session's view.
#[async_trait]
pub trait Files: Send + Sync {
    /// Makes the directory (mode 0700) if it is missing, and checks that it is one that may be trusted.
    ///
    /// # Errors
    /// `PermissionDenied` if it belongs to somebody else or others may write to it, `NotADirectory` for a symbolic link
    /// or a file; any error of making it.
    async fn prepare(&self, dir: &Path) -> io::Result<()>;
    /// Checks the directory as [`Files::prepare`] does, without making it. `NotFound` if it is missing.
    async fn check(&self, dir: &Path) -> io::Result<()>;
    /// The file's bytes, at most `limit` of them; `None` if there is no such file.
    async fn read(&self, dir: &Path, name: &str, limit: usize) -> io::Result<Option<Vec<u8>>>;
    /// The file's stamp; `None` if there is no such file.
    async fn stat(&self, dir: &Path, name: &str) -> io::Result<Option<FileStamp>>;
    /// Puts new contents in place of the old in one step: a reader sees either.
    async fn replace(&self, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Removes the file if it is there.
    async fn remove(&self, dir: &Path, name: &str) -> io::Result<()>;
    /// The kind of network file system that the directory lies on, if it does: a lock there may not exclude other machines.
    async fn network_file_system(&self, dir: &Path) -> Option<&'static str>;
    /// The last `limit` bytes that were written to a file after `from`; empty if there is none.
    async fn tail(&self, path: &Path, from: u64, limit: usize) -> io::Result<Vec<u8>>;
}

/// A state directory held open: the worker's view. It stays the same directory whatever is put at its path, so that nothing
/// is written into a stranger's.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The file's bytes, at most `limit` of them; `None` if there is no such file.
    async fn read(&self, name: &str, limit: usize) -> io::Result<Option<Vec<u8>>>;
    /// The file's stamp; `None` if there is no such file.
    async fn stat(&self, name: &str) -> io::Result<Option<FileStamp>>;
    /// Puts new contents in place of the old in one step, and says what the new file's stamp is.
    async fn replace(&self, name: &str, bytes: &[u8], durability: Durability) -> io::Result<FileStamp>;
    /// Removes the file if it is there.
    async fn remove(&self, name: &str) -> io::Result<()>;
    /// Removes what writers that were killed in the middle of a [`Directory::replace`] or [`Files::replace`] left behind.
    async fn sweep(&self) -> io::Result<()>;
}
