use std::io;
use std::path::Path;

use async_trait::async_trait;

use crate::machine::{Directory, FileStamp, Pid};

/// Whether a file that is missing is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// `None` for a missing file.
    Existing,
    /// A missing file is made, mode 0600.
    OrCreate,
}

/// Who else may hold a `flock` at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Others that share it.
    Shared,
    /// Nobody.
    Exclusive,
}

/// The holder of a record lock, as `F_GETLK` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHolder {
    /// `None` for one that this pid namespace can't see.
    pub pid: Option<Pid>,
}

/// The calls of a Unix kernel that the lock scheme rests on: each is one system call (or as good as one), and none blocks.
///
/// The system's are real; the simulated machine's are a model of them, and each is a point at which somebody else may go first. Calls
/// that a destructor makes are not `async`, and act at once.
///
/// Record locks belong to a *process* and an inode: closing any descriptor of the file in that process drops them, a forked child
/// does not inherit them (fcntl(2)). A `flock` belongs to an *open file*: a copy of the descriptor, in a forked child too, keeps it,
/// and unlocking through any copy lets it go (flock(2)). Both end with their holders.
#[async_trait]
pub trait LockCalls: Send + Sync + 'static {
    /// An open directory. Dropping it closes it.
    type Directory: Directory + 'static;
    /// An open file. Dropping it closes it, and with that drops every record lock of this process on that file.
    type File: Send + Sync + 'static;
    /// A held named lock. Dropping it lets it go.
    type Named: Send + Sync + 'static;

    /// This process.
    fn me(&self) -> Pid;

    /// Opens a directory; a symbolic link is refused.
    async fn open_directory(&self, path: &Path) -> io::Result<Self::Directory>;
    /// What is at the path now, without following a symbolic link; `None` if nothing is.
    async fn stat_path(&self, path: &Path) -> io::Result<Option<FileStamp>>;
    /// `fstat` of an open directory.
    async fn stat_directory(&self, dir: &Self::Directory) -> io::Result<FileStamp>;
    /// `fstatat`, without following a symbolic link; `None` if there is no such entry.
    async fn stat_in(&self, dir: &Self::Directory, name: &str) -> io::Result<Option<FileStamp>>;
    /// Opens a file for reading and writing, close-on-exec. What is no regular file is refused with `InvalidData`.
    async fn open_in(
        &self,
        dir: &Self::Directory,
        name: &str,
        opening: Opening,
    ) -> io::Result<Option<Self::File>>;
    /// `fstat` of an open file.
    async fn stat_file(&self, file: &Self::File) -> io::Result<FileStamp>;

    /// `F_SETLK`, exclusive, of the whole file; false if another process holds it. Locking what this process has locked does nothing.
    async fn try_record_lock(&self, file: &Self::File) -> io::Result<bool>;
    /// `F_GETLK`: who else holds the record lock. Disturbs nobody.
    async fn record_lock_holder(&self, file: &Self::File) -> io::Result<Option<RecordHolder>>;
    /// Drops this process's record lock.
    fn unlock_record(&self, file: &Self::File);

    /// `flock` of the directory, without waiting; false if it is held in a way that excludes this one.
    async fn try_flock_directory(&self, dir: &Self::Directory, sharing: Sharing) -> io::Result<bool>;
    /// Lets go of the directory's `flock`, whatever copies of the descriptor there are.
    fn unlock_directory(&self, dir: &Self::Directory);
    /// The processes that hold a `flock` of the directory, as far as the system tells.
    fn directory_holders(&self, dir: &Self::Directory) -> Vec<Pid>;

    /// Tries the `named-lock` at this path, which makes a missing file; `None` if it is held.
    async fn try_named_lock(&self, path: &Path) -> io::Result<Option<Self::Named>>;
    /// An exclusive `flock` of the file, without waiting; false if it is held.
    async fn try_flock_file(&self, file: &Self::File) -> io::Result<bool>;
    /// Lets go of the file's `flock`.
    fn unlock_file(&self, file: &Self::File);
}
