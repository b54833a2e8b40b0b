use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_LIST_DIRECTORY, FILE_NAME_NORMALIZED, FILE_READ_ATTRIBUTES, FILE_SHARE_READ, FILE_SHARE_WRITE,
    GetFileInformationByHandle, GetFinalPathNameByHandleW, MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH,
    MoveFileExW, VOLUME_NAME_DOS,
};

use super::shared::{tail, temporary_name, temporary_writer};
use crate::{clock, processes};
use oneworker_protocol::machine::{Activity, Directory, Durability, FileStamp, Files, Pid};

/// The longest pause of [`patiently`]; with all the shorter ones, an eighth of a second.
const LONGEST_PAUSE: Duration = Duration::from_millis(64);

/// The files of a state directory, by path.
pub(crate) struct SystemFiles;

/// A state directory held open.
///
/// Its handle does not share the right to delete. While it is open, the directory can be neither removed nor renamed, and no more can those
/// above it; and its path is the one that the system gives for the handle, free of links. So a name below that path means a file of this
/// directory, as with `openat` on Unix.
pub(crate) struct HeldDirectory {
    path: PathBuf,
    stamp: FileStamp,
    _handle: File,
}

impl HeldDirectory {
    /// Opens the directory itself: a symbolic link or a junction is refused.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let handle = OpenOptions::new()
            // Sharing is only kept account of for handles that read, write or delete.
            .access_mode(FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES)
            .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
            .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
            .open(path)?;
        check_kind(&handle.metadata()?)?;
        Ok(Self { path: final_path(&handle)?, stamp: stamp(&handle)?, _handle: handle })
    }

    /// The path that means this directory as long as this is held.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory's own stamp.
    pub(crate) fn stamp(&self) -> FileStamp {
        self.stamp
    }
}

/// GetFinalPathNameByHandleW: with `\\?\` in front, so of any length.
fn final_path(file: &File) -> io::Result<PathBuf> {
    let flags = FILE_NAME_NORMALIZED | VOLUME_NAME_DOS;
    let mut text = vec![0_u16; 512];
    loop {
        let size = u32::try_from(text.len()).map_err(io::Error::other)?;
        // SAFETY: an open handle, and a buffer that is as long as is said.
        let len = unsafe { GetFinalPathNameByHandleW(file.as_raw_handle(), text.as_mut_ptr(), size, flags) };
        match usize::try_from(len).map_err(io::Error::other)? {
            0 => return Err(io::Error::last_os_error()),
            len if len < text.len() => return Ok(PathBuf::from(OsString::from_wide(&text[..len]))),
            needed => text.resize(needed + 1, 0),
        }
    }
}

/// The stamp of an open file. On ReFS the index may in theory not be unique (MSDN, BY_HANDLE_FILE_INFORMATION).
pub(crate) fn stamp(file: &File) -> io::Result<FileStamp> {
    let mut info = MaybeUninit::<BY_HANDLE_FILE_INFORMATION>::uninit();
    // SAFETY: an open handle, and a pointer that is valid for the call.
    if unsafe { GetFileInformationByHandle(file.as_raw_handle(), info.as_mut_ptr()) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call filled it in.
    let info = unsafe { info.assume_init() };
    let join = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let written = join(info.ftLastWriteTime.dwHighDateTime, info.ftLastWriteTime.dwLowDateTime);
    Ok(FileStamp {
        device: info.dwVolumeSerialNumber.into(),
        inode: join(info.nFileIndexHigh, info.nFileIndexLow),
        size: join(info.nFileSizeHigh, info.nFileSizeLow),
        modified: i128::from(written) * 100,
    })
}

/// The stamp of what is at a path, without following links; `None` if there is nothing.
pub(crate) fn stat(path: &Path) -> io::Result<Option<FileStamp>> {
    // A handle that asks for nothing but attributes is in nobody's way.
    let opened = OpenOptions::new()
        .access_mode(FILE_READ_ATTRIBUTES)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path);
    match opened {
        Ok(file) => stamp(&file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tries again while somebody else is in the way for an instant: a virus scanner or an indexer that has the file open, or its previous
/// version that is about to vanish. Windows refuses then, where Unix would not notice. A lasting refusal is told a little later.
async fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T> + Send) -> io::Result<T> {
    let mut pause = Duration::from_millis(1);
    loop {
        match attempt() {
            Err(error) if pause <= LONGEST_PAUSE && is_in_the_way(&error) => clock::pause(pause).await,
            result => return result,
        }
        pause *= 2;
    }
}

fn is_in_the_way(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(i32::cast_unsigned);
    matches!(code, Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION))
}

fn read(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match OpenOptions::new().read(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is not a regular file", path.display()),
        ));
    }
    let mut bytes = Vec::with_capacity(1024);
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

async fn replace(folder: &Path, name: &str, bytes: &[u8], durability: Durability) -> io::Result<FileStamp> {
    let temporary = folder.join(temporary_name(name));
    let written = match write_new(&temporary, bytes, durability) {
        Ok(stamp) => patiently(|| rename(&temporary, &folder.join(name), durability)).await.map(|()| stamp),
        Err(error) => Err(error),
    };
    if written.is_err() {
        // What could not be written whole must not stay; the first error is the one that counts.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<FileStamp> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    if durability == Durability::Synced {
        file.sync_all()?;
    }
    // The time of the last change is settled only when the last handle that wrote is closed (MSDN, "File Times"); a rename keeps it.
    drop(file);
    stat(path)?.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "a file that was just written is gone"))
}

fn rename(from: &Path, to: &Path, durability: Durability) -> io::Result<()> {
    match durability {
        // Where the file system can, this replaces even a file that somebody reads (FILE_RENAME_FLAG_POSIX_SEMANTICS).
        Durability::Visible => fs::rename(from, to),
        Durability::Synced => {
            let (from, to) = (wide(from), wide(to));
            // There is no fsync of a directory here; MOVEFILE_WRITE_THROUGH returns when the move is on the disk (MSDN, MoveFileExW).
            // SAFETY: both paths end with a zero.
            match unsafe {
                MoveFileExW(from.as_ptr(), to.as_ptr(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)
            } {
                0 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            }
        }
    }
}

fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Symbolic links and junctions ("mount points") are both links to std.
fn check_kind(meta: &fs::Metadata) -> io::Result<()> {
    if meta.is_symlink() {
        let why = "it is a symbolic link or a junction; name the directory itself";
        return Err(io::Error::new(io::ErrorKind::NotADirectory, why));
    }
    if !meta.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory"));
    }
    Ok(())
}

/// Refuses what is not a directory of its own.
///
/// Owner and access list are not looked at yet. Below a user's profile, where state directories are by default, new directories inherit
/// a list that gives rights to that user, the administrators and the system only; a directory that was named elsewhere (`C:\work`) may
/// be readable for all users, secrets included, and then it is whoever named it who has to set its rights.
fn check_directory(dir: &Path) -> io::Result<()> {
    check_kind(&fs::symlink_metadata(dir)?)
}

#[async_trait]
impl Files for SystemFiles {
    async fn prepare(&self, dir: &Path) -> io::Result<()> {
        match check_directory(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(dir)?;
                check_directory(dir)
            }
            checked => checked,
        }
    }

    async fn check(&self, dir: &Path) -> io::Result<()> {
        check_directory(dir)
    }

    async fn read(&self, dir: &Path, name: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let path = dir.join(name);
        patiently(|| read(&path, limit)).await
    }

    async fn stat(&self, dir: &Path, name: &str) -> io::Result<Option<FileStamp>> {
        let path = dir.join(name);
        patiently(|| stat(&path)).await
    }

    async fn replace(&self, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        replace(dir, name, bytes, Durability::Visible).await.map(drop)
    }

    async fn remove(&self, dir: &Path, name: &str) -> io::Result<()> {
        let path = dir.join(name);
        patiently(|| remove(&path)).await
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
        let path = self.path.join(name);
        patiently(|| read(&path, limit)).await
    }

    async fn stat(&self, name: &str) -> io::Result<Option<FileStamp>> {
        let path = self.path.join(name);
        patiently(|| stat(&path)).await
    }

    async fn replace(&self, name: &str, bytes: &[u8], durability: Durability) -> io::Result<FileStamp> {
        replace(&self.path, name, bytes, durability).await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path.join(name);
        patiently(|| remove(&path)).await
    }

    async fn sweep(&self) -> io::Result<()> {
        // A process that may not be looked at is alive.
        let alive = |pid| match processes::look(Pid(pid)) {
            Ok(process) => process.is_some_and(|process| process.activity != Activity::Zombie),
            Err(_) => true,
        };
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let writer = entry.file_name().to_str().and_then(temporary_writer);
            let regular = entry.file_type().is_ok_and(|kind| kind.is_file());
            if regular && writer.is_some_and(|pid| pid != std::process::id() && !alive(pid)) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}
