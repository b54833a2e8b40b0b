//! The tenure lock: two bytes of `worker.lock`, locked with `LockFileEx`.
//!
//! ```text
//! worker.lock   0 ........ 255          1 GiB      1 GiB + 1
//!               who is in office        OFFICE     NOTICE
//! ```
//!
//! **`OFFICE`** is what excludes: exclusively locked by the worker, tried by nobody but claimers, so that a claimer who finds it busy
//! has lost to one who is at least about to be in office. **`NOTICE`** is what those who look try, with a *shared* lock: they do not get into
//! each other's way, and a claimer, who wants it exclusively after `OFFICE`, can only meet one of them for an instant, and tries again
//! ([`PendingTenure`]). To look by trying `OFFICE` would make the only claimer see "busy" now and then; to look by reading a locked byte,
//! which fails without disturbing, is not dependable (Wine reads it).
//!
//! Such a lock is mandatory, but both bytes lie beyond the end of the file, where a lock may be (MSDN, LockFileEx). So the begin of the file
//! can be read, and names the holder, whom Windows does not tell: written after `OFFICE` was taken and before `NOTICE` is, so that whoever
//! finds `NOTICE` busy does not read of a predecessor.
//!
//! The locks belong to the handle. It is not inheritable, so no child keeps them, and closing another handle of the file does nothing
//! to them. The file is opened without `FILE_SHARE_DELETE`: while it is locked, it can be neither deleted nor renamed.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, OpenOptionsExt};
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use windows_sys::Win32::Foundation::{ERROR_IO_PENDING, ERROR_LOCK_VIOLATION};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_OPEN_REPARSE_POINT, FILE_SHARE_READ, FILE_SHARE_WRITE, LOCKFILE_EXCLUSIVE_LOCK,
    LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, UnlockFileEx,
};
use windows_sys::Win32::System::IO::OVERLAPPED;

use crate::files::{HeldDirectory, stamp, stat};
use crate::processes;
use oneworker_protocol::layout::WORKER_LOCK;
use oneworker_protocol::machine::{
    Activity, ClaimAttempt, Directory, FileStamp, OfficeCheck, PendingTenure, Pid, ProcessIdentity,
    TenureGuard, TenureLook,
};

/// The bytes that are locked: where SQLite has its own, far beyond what is ever written. Frozen, as is what stands at the begin.
const OFFICE: u32 = 1 << 30;
const NOTICE: u32 = OFFICE + 1;
/// How many bytes at the begin of the file name the holder: JSON, filled up with spaces so that nothing is left of a longer one.
const HOLDER_BYTES: usize = 256;

#[derive(Clone, Copy)]
enum Mode {
    Shared,
    Exclusive,
}

fn at(byte: u32) -> OVERLAPPED {
    let mut overlapped = OVERLAPPED::default();
    overlapped.Anonymous.Anonymous.Offset = byte;
    overlapped
}

/// Tries to lock one byte; whether it could. Never blocks.
fn try_lock(file: &File, byte: u32, mode: Mode) -> io::Result<bool> {
    let flags = match mode {
        Mode::Shared => LOCKFILE_FAIL_IMMEDIATELY,
        Mode::Exclusive => LOCKFILE_FAIL_IMMEDIATELY | LOCKFILE_EXCLUSIVE_LOCK,
    };
    let mut place = at(byte);
    // SAFETY: an open handle and a pointer that is valid for the call, which is over when it returns: the handle is synchronous.
    if unsafe { LockFileEx(file.as_raw_handle(), flags, 0, 1, 0, &raw mut place) } != 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error().map(i32::cast_unsigned) {
        Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => Ok(false),
        _ => Err(error),
    }
}

/// Closing the handle unlocks too, but at a time of the system's own choice (MSDN, LockFileEx).
fn unlock(file: &File, byte: u32) {
    let mut place = at(byte);
    // Nothing can be done about a failure, and Wine reports one where there is none.
    // SAFETY: as in `try_lock`.
    unsafe { UnlockFileEx(file.as_raw_handle(), 0, 1, 0, &raw mut place) };
}

/// A lock file with `OFFICE` locked, and perhaps `NOTICE`.
struct Office {
    file: File,
    stamp: FileStamp,
    noticed: bool,
}

impl Office {
    /// Tries the second byte; whether it is locked now.
    fn give_notice(&mut self) -> io::Result<bool> {
        self.noticed = self.noticed || try_lock(&self.file, NOTICE, Mode::Exclusive)?;
        Ok(self.noticed)
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        // In this order: whoever then sees `NOTICE` free finds `OFFICE` free too.
        unlock(&self.file, OFFICE);
        if self.noticed {
            unlock(&self.file, NOTICE);
        }
    }
}

enum Taken {
    Office(Office),
    Held { by: Option<Pid> },
}

/// Makes `worker.lock` if it is missing, and tries to take office.
fn take(dir: &HeldDirectory) -> io::Result<Taken> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .open(dir.path().join(WORKER_LOCK))?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{WORKER_LOCK} is not a regular file"),
        ));
    }
    if !try_lock(&file, OFFICE, Mode::Exclusive)? {
        return Ok(Taken::Held { by: holder(&file) });
    }
    let mut office = Office { stamp: stamp(&file)?, file, noticed: false };
    sign(&mut office)?;
    Ok(Taken::Office(office))
}

/// Writes down who holds the lock. An error is one of the claim: a predecessor that lives on would be taken for the holder.
fn sign(office: &mut Office) -> io::Result<()> {
    let pid = Pid(std::process::id());
    let me = processes::look(pid)?.ok_or_else(|| io::Error::other("this process can't be seen"))?.identity;
    let mut text = serde_json::to_vec(&me)?;
    text.resize(HOLDER_BYTES.max(text.len()), b' ');
    // In one piece, so that nobody reads half of it.
    match office.file.seek_write(&text, 0)? {
        written if written == text.len() => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// The living process that the file names.
fn holder(file: &File) -> Option<Pid> {
    let mut text = [0; HOLDER_BYTES];
    let len = file.seek_read(&mut text, 0).ok()?;
    let named: ProcessIdentity = serde_json::from_slice(&text[..len]).ok()?;
    match processes::look(named.pid) {
        Ok(Some(process)) if process.identity == named && process.activity != Activity::Zombie => {
            Some(named.pid)
        }
        // Ended, and the system has not come to releasing its locks.
        Ok(_) => None,
        // Not to be looked at: the caller will find the same, and can say so.
        Err(_) => Some(named.pid),
    }
}

pub(super) fn look(dir: &Path) -> io::Result<TenureLook> {
    let opened =
        OpenOptions::new().read(true).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(dir.join(WORKER_LOCK));
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(TenureLook::Free),
        Err(error) => return Err(error),
    };
    if try_lock(&file, NOTICE, Mode::Shared)? {
        unlock(&file, NOTICE);
        return Ok(TenureLook::Free);
    }
    Ok(match holder(&file) {
        Some(pid) => TenureLook::Held { by: Some(pid) },
        // Between two holders, most likely. Until that is over, the record has to tell.
        None => TenureLook::DirectoryOnly { holders: Vec::new() },
    })
}

pub(super) fn try_claim(dir: &Path) -> io::Result<ClaimAttempt> {
    let held = HeldDirectory::open(dir)?;
    match take(&held)? {
        Taken::Held { by } => Ok(ClaimAttempt::Held { by }),
        Taken::Office(office) => give_notice(Pending { path: dir.to_owned(), dir: held, office }),
    }
}

fn give_notice(mut pending: Pending) -> io::Result<ClaimAttempt> {
    if !pending.office.give_notice()? {
        return Ok(ClaimAttempt::DirectoryBusy(Box::new(pending)));
    }
    let Pending { path, dir, office } = pending;
    let guard = Tenure { path, office: Mutex::new(office), dir };
    // Between opening and locking, the directory may have been replaced: then these locks guard nothing.
    match guard.check_now()? {
        OfficeCheck::Held => Ok(ClaimAttempt::Won(Box::new(guard))),
        OfficeCheck::Remade | OfficeCheck::Contested | OfficeCheck::Superseded => {
            Ok(ClaimAttempt::Held { by: None })
        }
    }
}

/// `OFFICE` is ours, `NOTICE` not yet.
struct Pending {
    path: PathBuf,
    // Dropped before the directory.
    office: Office,
    dir: HeldDirectory,
}

#[async_trait]
impl PendingTenure for Pending {
    async fn retry(self: Box<Self>) -> io::Result<ClaimAttempt> {
        give_notice(*self)
    }

    /// Those who look can't be told.
    fn holders(&self) -> Vec<Pid> {
        Vec::new()
    }
}

/// Both bytes, and the directory.
struct Tenure {
    path: PathBuf,
    // Dropped before the directory.
    office: Mutex<Office>,
    dir: HeldDirectory,
}

impl Tenure {
    /// The open handles keep directory and lock file where they are; this sees the file systems on which they do not.
    fn check_now(&self) -> io::Result<OfficeCheck> {
        match stat(&self.path)? {
            Some(stamp) if stamp.same_file(self.dir.stamp()) => {}
            _ => return Ok(OfficeCheck::Superseded),
        }
        let mut office = self.office.lock().unwrap_or_else(PoisonError::into_inner);
        let at_path = stat(&self.dir.path().join(WORKER_LOCK))?;
        if at_path.is_some_and(|stamp| stamp.same_file(office.stamp)) {
            return Ok(OfficeCheck::Held);
        }
        match take(&self.dir)? {
            Taken::Office(mut remade) => {
                // Somebody who looks may be in the way: then the next check finds the file replaced still, and tries again.
                if !remade.give_notice()? {
                    return Ok(OfficeCheck::Contested);
                }
                *office = remade;
                Ok(OfficeCheck::Remade)
            }
            Taken::Held { .. } => Ok(OfficeCheck::Contested),
        }
    }
}

#[async_trait]
impl TenureGuard for Tenure {
    async fn check(&self) -> io::Result<OfficeCheck> {
        self.check_now()
    }

    fn directory(&self) -> &dyn Directory {
        &self.dir
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_office_and_is_named_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(look(dir.path()).unwrap(), TenureLook::Free);
        let ClaimAttempt::Won(office) = try_claim(dir.path()).unwrap() else { panic!("not won") };
        let me = Some(Pid(std::process::id()));
        assert_eq!(look(dir.path()).unwrap(), TenureLook::Held { by: me });
        assert!(matches!(try_claim(dir.path()).unwrap(), ClaimAttempt::Held { by } if by == me));
        assert!(
            std::fs::remove_file(dir.path().join(WORKER_LOCK)).is_err(),
            "the lock file of an office was removed"
        );
        drop(office);
        assert_eq!(look(dir.path()).unwrap(), TenureLook::Free);
        assert!(matches!(try_claim(dir.path()).unwrap(), ClaimAttempt::Won(_)));
    }

    #[test]
    fn a_look_never_makes_a_claimer_lose() {
        let dir = tempfile::tempdir().unwrap();
        drop(try_claim(dir.path()).unwrap());
        let looking = File::open(dir.path().join(WORKER_LOCK)).unwrap();
        assert!(try_lock(&looking, NOTICE, Mode::Shared).unwrap());
        let ClaimAttempt::DirectoryBusy(pending) = try_claim(dir.path()).unwrap() else {
            panic!("not pending")
        };
        assert!(matches!(try_claim(dir.path()).unwrap(), ClaimAttempt::Held { .. }), "two claimers at once");
        unlock(&looking, NOTICE);
        let retried =
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pending.retry());
        assert!(matches!(retried.unwrap(), ClaimAttempt::Won(_)));
    }
}
