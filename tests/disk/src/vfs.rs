//! The VFS: which disk a path is on. What is on none goes to the VFS that was the default before.

use std::ffi::{CStr, c_char, c_int};
use std::path::Path;
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_filename, sqlite3_vfs};

use crate::io::OpenFile;
use crate::state::PowerFailed;
use crate::{Dice, Mounted, io};

static DISKS: Mutex<Vec<Weak<Mounted>>> = Mutex::new(Vec::new());
static REGISTERED: OnceLock<Option<Parent>> = OnceLock::new();

/// The VFS that was the default.
struct Parent(*mut sqlite3_vfs);
// SAFETY: SQLite's own VFSs are there for as long as the process, and are used by all threads.
unsafe impl Send for Parent {}
// SAFETY: as above.
unsafe impl Sync for Parent {}

pub(crate) fn mount(disk: &Arc<Mounted>) -> std::io::Result<()> {
    if REGISTERED.get_or_init(register).is_none() {
        return Err(std::io::Error::other("SQLite does not take the VFS"));
    }
    let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    disks.retain(|disk| disk.strong_count() > 0);
    disks.push(Arc::downgrade(disk));
    Ok(())
}

/// As the default, so that code which names no VFS gets this one.
fn register() -> Option<Parent> {
    // SAFETY: null asks for the default; what is found is never freed.
    let parent = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    // SAFETY: it is null or a valid VFS, which is plain data.
    let mut vfs = unsafe { parent.as_ref() }.copied()?;
    vfs.pNext = ptr::null_mut();
    vfs.zName = c"oneworker-disk".as_ptr();
    vfs.szOsFile = vfs.szOsFile.max(c_int::try_from(size_of::<OpenFile>()).ok()?);
    vfs.xOpen = Some(open);
    vfs.xDelete = Some(delete);
    vfs.xAccess = Some(access);
    vfs.xFullPathname = Some(full_pathname);
    vfs.xRandomness = Some(randomness);
    // SAFETY: the VFS is never freed, and all its methods are there: ours, and those of the parent that don't look at the VFS they are given.
    let registered = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1) };
    (registered == ffi::SQLITE_OK).then_some(Parent(parent))
}

fn parent() -> *mut sqlite3_vfs {
    REGISTERED.get().and_then(Option::as_ref).map_or(ptr::null_mut(), |parent| parent.0)
}

/// Hands a call on to the parent.
macro_rules! parent {
    ($method:ident ($($argument:expr),*)) => {{
        let parent = parent();
        // SAFETY: the parent is a valid VFS, and the arguments are SQLite's own for this method.
        unsafe {
            match parent.as_ref().and_then(|parent| parent.$method) {
                Some(method) => method(parent, $($argument),*),
                None => ffi::SQLITE_ERROR,
            }
        }
    }};
}

/// The disk that a path is on, and the name there.
fn find(path: *const c_char) -> Option<(Arc<Mounted>, String)> {
    if path.is_null() {
        return None;
    }
    // SAFETY: SQLite's paths end with a zero, and live for the call.
    let path = Path::new(unsafe { CStr::from_ptr(path) }.to_str().ok()?);
    let disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
    disks.iter().filter_map(Weak::upgrade).find_map(|disk| {
        let name = path.strip_prefix(disk.directory()).ok()?.to_str()?.to_owned();
        Some((disk, name))
    })
}

fn code(error: PowerFailed) -> c_int {
    let PowerFailed = error;
    ffi::SQLITE_IOERR
}

unsafe extern "C" fn open(
    _vfs: *mut sqlite3_vfs,
    path: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let Some((disk, name)) = find(path) else { return parent!(xOpen(path, file, flags, out_flags)) };
    // SAFETY: SQLite gives `szOsFile` bytes, in which an `OpenFile` fits. Without methods it is not closed if this fails.
    unsafe { (*file).pMethods = ptr::null() };
    let (make, alone) = (flags & ffi::SQLITE_OPEN_CREATE != 0, flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0);
    let opened = disk.state().open(&name, make);
    let (id, made) = match opened {
        Ok(Some((_, false))) if make && alone => return ffi::SQLITE_CANTOPEN,
        Ok(Some(found)) => found,
        Ok(None) => return ffi::SQLITE_CANTOPEN,
        Err(error) => return code(error),
    };
    // As SQLite's VFS for Unix: the names are synced with the first sync of a journal that this connection has made.
    let journal =
        flags & (ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL) != 0;
    let writable = flags & ffi::SQLITE_OPEN_READONLY == 0;
    let handle = io::Handle::new(disk, id, name, writable, made && journal);
    // SAFETY: as above; and `out_flags` is null or can be written.
    unsafe {
        file.cast::<OpenFile>().write(OpenFile::new(handle));
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_vfs: *mut sqlite3_vfs, path: *const c_char, sync_directory: c_int) -> c_int {
    let Some((disk, name)) = find(path) else { return parent!(xDelete(path, sync_directory)) };
    let mut state = disk.state();
    match state.remove(&name) {
        Ok(true) if sync_directory != 0 => state.sync_names().map_or_else(code, |()| ffi::SQLITE_OK),
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(error) => code(error),
    }
}

unsafe extern "C" fn access(
    _vfs: *mut sqlite3_vfs,
    path: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let Some((disk, name)) = find(path) else { return parent!(xAccess(path, flags, out)) };
    let size = match disk.state().size_of(&name) {
        Ok(size) => size,
        Err(error) => return code(error),
    };
    // As SQLite's VFS for Unix: an empty file is none.
    let yes = size.is_some_and(|size| size > 0 || flags != ffi::SQLITE_ACCESS_EXISTS);
    // SAFETY: SQLite gives a place for the answer.
    unsafe { *out = yes.into() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _vfs: *mut sqlite3_vfs,
    path: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    if find(path).is_none() {
        return parent!(xFullPathname(path, room, out));
    }
    // SAFETY: what was found is not null and ends with a zero.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes_with_nul();
    if usize::try_from(room).is_ok_and(|room| bytes.len() <= room) {
        // SAFETY: there is room for that many bytes, in a buffer of SQLite's own.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len()) };
        return ffi::SQLITE_OK;
    }
    ffi::SQLITE_CANTOPEN
}

/// The same in each process: SQLite asks once, and goes on from there by itself.
unsafe extern "C" fn randomness(_vfs: *mut sqlite3_vfs, n: c_int, out: *mut c_char) -> c_int {
    let mut dice = Dice::new(0x5eed);
    for i in 0..usize::try_from(n).unwrap_or_default() {
        // SAFETY: SQLite gives a buffer of `n` bytes.
        unsafe { out.add(i).write(dice.roll() as c_char) };
    }
    n
}
