use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::shared::{tail, temporary_name, temporary_writer};
use oneworker_protocol::machine::{Directory, Durability, FileStamp, Files};

/// The files of a state directory, by path.
pub(crate) struct SystemFiles;

/// A state directory held open.
pub(crate) struct HeldDirectory {
    fd: OwnedFd,
    path: PathBuf,
}

impl HeldDirectory {
    /// Opens the directory itself: a symbolic link is refused.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self { fd: rustix::fs::open(path, flags, Mode::empty())?, path: path.to_owned() })
    }

    /// The path that it was opened at, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl AsFd for HeldDirectory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The stamp in the kernel's answer.
pub(crate) fn stamp(stat: &Stat) -> FileStamp {
    // The fields' types differ between systems.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    FileStamp {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        size: stat.st_size as u64,
        modified: i128::from(stat.st_mtime) * 1_000_000_000 + stat.st_mtime_nsec as i128,
    }
}

/// `fstatat` without following links; `None` if there is nothing.
pub(crate) fn stat_at(dir: BorrowedFd<'_>, name: &Path) -> io::Result<Option<FileStamp>> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stamp(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn read_at(dir: BorrowedFd<'_>, name: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    // O_NONBLOCK: opening a FIFO that somebody put there must not wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let refused = || {
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is not a regular file of this user", name.display()),
        ))
    };
    let file = match rustix::fs::openat(dir, name, flags, Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(Errno::NOENT) => return Ok(None),
        // A symbolic link, as O_NOFOLLOW has it.
        Err(Errno::LOOP) => return refused(),
        Err(error) => return Err(error.into()),
    };
    let meta = file.metadata()?;
    // Somebody else's file in a directory that was open to others for a while must not be believed.
    if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() {
        return refused();
    }
    let mut bytes = Vec::with_capacity(1024);
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn replace_at(
    dir: BorrowedFd<'_>,
    folder: &Path,
    name: &str,
    bytes: &[u8],
    durability: Durability,
) -> io::Result<FileStamp> {
    let temporary = folder.join(temporary_name(name));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(dir, &temporary, flags, Mode::RUSR | Mode::WUSR)?);
    let written = (|| {
        file.write_all(bytes)?;
        if durability == Durability::Synced {
            file.sync_all()?;
        }
        rustix::fs::renameat(dir, &temporary, dir, folder.join(name))?;
        Ok(stamp(&rustix::fs::fstat(&file)?))
    })();
    if written.is_err() {
        // What could not be written whole must not stay; the first error is the one that counts.
        let _ = rustix::fs::unlinkat(dir, &temporary, AtFlags::empty());
    } else if durability == Durability::Synced {
        // The rename lives in the directory, which has to reach the disk too (fsync(2)).
        sync_directory(dir)?;
    }
    written
}

#[cfg(not(target_vendor = "apple"))]
fn sync_directory(dir: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::fs::fsync(dir)?)
}

/// On macOS, fsync(2) leaves the data in the drive's cache; `F_FULLFSYNC` (fcntl(2)) has the drive write it, and is what
/// `File::sync_all` uses there too. Not every file system knows it.
#[cfg(target_vendor = "apple")]
fn sync_directory(dir: BorrowedFd<'_>) -> io::Result<()> {
    if rustix::fs::fcntl_fullfsync(dir).is_err() {
        rustix::fs::fsync(dir)?;
    }
    Ok(())
}

fn remove_at(dir: BorrowedFd<'_>, name: &Path) -> io::Result<()> {
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Refuses a state directory that is not this user's alone.
fn check_directory(dir: &Path) -> io::Result<std::fs::Metadata> {
    let meta = std::fs::symlink_metadata(dir)?;
    let refuse = |kind, what: String| Err(io::Error::new(kind, what));
    if meta.is_symlink() {
        return refuse(
            io::ErrorKind::NotADirectory,
            "it is a symbolic link; name the directory itself".to_owned(),
        );
    }
    if !meta.is_dir() {
        return refuse(io::ErrorKind::NotADirectory, "it is not a directory".to_owned());
    }
    let me = rustix::process::geteuid().as_raw();
    if meta.uid() != me {
        let why = format!(
            "it belongs to user {}, not to user {me}; run as its owner (under sudo: sudo -u '#{}')",
            meta.uid(),
            meta.uid()
        );
        return refuse(io::ErrorKind::PermissionDenied, why);
    }
    Ok(meta)
}

/// Under `sudo`, root may write anywhere: but its files in a user's home would lock that user out.
fn refuse_to_litter(dir: &Path) -> io::Result<()> {
    let ancestor = dir.ancestors().skip(1).find_map(|dir| std::fs::metadata(dir).ok());
    match ancestor {
        Some(meta) if rustix::process::geteuid().is_root() && meta.uid() != 0 => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "it would be made by root in a folder of user {0}; run as that user (sudo -u '#{0}'), or name another directory",
                meta.uid()
            ),
        )),
        _ => Ok(()),
    }
}

#[async_trait]
impl Files for SystemFiles {
    async fn prepare(&self, dir: &Path) -> io::Result<()> {
        let meta = match check_directory(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                refuse_to_litter(dir)?;
                DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
                check_directory(dir)?
            }
            checked => checked?,
        };
        if meta.mode() & 0o077 != 0 {
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    async fn check(&self, dir: &Path) -> io::Result<()> {
        check_directory(dir).map(drop)
    }

    async fn read(&self, dir: &Path, name: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        read_at(CWD, &dir.join(name), limit)
    }

    async fn stat(&self, dir: &Path, name: &str) -> io::Result<Option<FileStamp>> {
        stat_at(CWD, &dir.join(name))
    }

    async fn replace(&self, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        replace_at(CWD, dir, name, bytes, Durability::Visible).map(drop)
    }

    async fn remove(&self, dir: &Path, name: &str) -> io::Result<()> {
        remove_at(CWD, &dir.join(name))
    }

    async fn network_file_system(&self, dir: &Path) -> Option<&'static str> {
        super::network::file_system(dir)
    }

    async fn tail(&self, path: &Path, from: u64, limit: usize) -> io::Result<Vec<u8>> {
        tail(path, from, limit)
    }
}

#[async_trait]
impl Directory for HeldDirectory {
    async fn read(&self, name: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        read_at(self.as_fd(), Path::new(name), limit)
    }

    async fn stat(&self, name: &str) -> io::Result<Option<FileStamp>> {
        stat_at(self.as_fd(), Path::new(name))
    }

    async fn replace(&self, name: &str, bytes: &[u8], durability: Durability) -> io::Result<FileStamp> {
        replace_at(self.as_fd(), Path::new(""), name, bytes, durability)
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        remove_at(self.as_fd(), Path::new(name))
    }

    async fn sweep(&self) -> io::Result<()> {
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            let entry = entry?;
            let name = PathBuf::from(entry.file_name().to_string_lossy().into_owned());
            let writer = temporary_writer(&entry.file_name().to_string_lossy());
            let regular = matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown);
            let alive = |pid: u32| {
                let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
                pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(Errno::SRCH))
            };
            if regular && writer.is_some_and(|pid| pid != std::process::id() && !alive(pid)) {
                remove_at(self.as_fd(), &name)?;
            }
        }
        Ok(())
    }
}
