//! The methods of an open file.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods};

use crate::Mounted;
use crate::memory::{Held, SharedMemory};
use crate::names::FileId;
use crate::state::PowerFailed;

/// What SQLite's VFS for Unix says, so that its pager does what it does on a real file.
const SECTOR_SIZE: c_int = 4096;

/// What SQLite allocates and hands to each method.
#[repr(C)]
pub(crate) struct OpenFile {
    base: sqlite3_file,
    handle: *mut Handle,
}

impl OpenFile {
    pub(crate) fn new(handle: Handle) -> Self {
        Self { base: sqlite3_file { pMethods: &METHODS }, handle: Box::into_raw(Box::new(handle)) }
    }
}

pub(crate) struct Handle {
    disk: Arc<Mounted>,
    file: FileId,
    name: String,
    owner: u64,
    lock: c_int,
    memory: Option<Arc<SharedMemory>>,
    held: Held,
    writable: bool,
    /// Whether the next sync is one of the names too.
    sync_names: bool,
}

impl Handle {
    pub(crate) fn new(
        disk: Arc<Mounted>,
        file: FileId,
        name: String,
        writable: bool,
        sync_names: bool,
    ) -> Self {
        static OWNERS: AtomicU64 = AtomicU64::new(0);
        let owner = OWNERS.fetch_add(1, Ordering::Relaxed);
        let lock = ffi::SQLITE_LOCK_NONE;
        Self { disk, file, name, owner, lock, memory: None, held: Held::default(), writable, sync_names }
    }

    fn read(&self, at: usize, buffer: &mut [u8]) -> Result<c_int, PowerFailed> {
        let there = self.disk.state().file(self.file)?.read(at, buffer);
        Ok(if there == buffer.len() { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_SHORT_READ })
    }

    fn sync(&mut self, full: bool) -> Result<(), PowerFailed> {
        let mut state = self.disk.state();
        state.sync_file(&self.name, self.file, full)?;
        if self.sync_names {
            state.sync_names()?;
            self.sync_names = false;
        }
        Ok(())
    }

    fn lock(&mut self, to: c_int) -> Result<c_int, PowerFailed> {
        if to <= self.lock {
            return Ok(ffi::SQLITE_OK);
        }
        if to > ffi::SQLITE_LOCK_SHARED && !self.writable {
            // So says the system of a file that was not opened to be written to.
            return Ok(ffi::SQLITE_IOERR_LOCK);
        }
        match self.disk.state().file(self.file)?.locks.lock(self.owner, self.lock, to) {
            Ok(()) => self.lock = to,
            Err(instead) => {
                self.lock = instead;
                return Ok(ffi::SQLITE_BUSY);
            }
        }
        Ok(ffi::SQLITE_OK)
    }

    fn unlock(&mut self, to: c_int) -> Result<(), PowerFailed> {
        if to < self.lock {
            self.disk.state().file(self.file)?.locks.unlock(self.owner, self.lock, to);
            self.lock = to;
        }
        Ok(())
    }

    fn memory(&mut self) -> Result<&SharedMemory, PowerFailed> {
        let mut state = self.disk.state();
        let shared = &mut state.file(self.file)?.memory;
        let memory = self.memory.get_or_insert_with(|| {
            shared.upgrade().unwrap_or_else(|| {
                let made = Arc::default();
                *shared = Arc::downgrade(&made);
                made
            })
        });
        Ok(memory)
    }

    fn lock_memory(&mut self, from: usize, n: usize, flags: c_int) -> Result<c_int, PowerFailed> {
        let Some(memory) = &self.memory else { return Ok(ffi::SQLITE_IOERR) };
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            memory.unlock(&mut self.held, from, n);
            return Ok(ffi::SQLITE_OK);
        }
        self.disk.state().alive()?;
        let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
        let got = memory.lock(&mut self.held, from, n, exclusive);
        Ok(if got { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY })
    }

    fn unmap_memory(&mut self) {
        if let Some(memory) = self.memory.take() {
            memory.unlock_all(&mut self.held);
        }
    }
}

fn done(result: Result<(), PowerFailed>) -> c_int {
    answered(result.map(|()| ffi::SQLITE_OK))
}

fn answered(result: Result<c_int, PowerFailed>) -> c_int {
    result.unwrap_or(ffi::SQLITE_IOERR)
}

/// Offsets and sizes are never negative.
fn size(n: impl TryInto<usize>) -> usize {
    n.try_into().unwrap_or_default()
}

/// The handle of a file that is open.
///
/// # Safety
/// `file` was opened by us and not closed; SQLite makes no two calls for one file at a time.
unsafe fn handle<'a>(file: *mut sqlite3_file) -> &'a mut Handle {
    // SAFETY: as promised by the caller: it is an `OpenFile`, whose handle lives until `close`.
    unsafe { &mut *(*file.cast::<OpenFile>()).handle }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes each file that was opened once, and does not use it any more.
    let mut handle = unsafe { Box::from_raw((*file.cast::<OpenFile>()).handle) };
    handle.unmap_memory();
    // Without power there are no locks.
    let _ = handle.unlock(ffi::SQLITE_LOCK_NONE);
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut sqlite3_file, out: *mut c_void, n: c_int, at: sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls this for a file of ours, with a buffer of `n` bytes.
    let (handle, buffer) =
        unsafe { (handle(file), std::slice::from_raw_parts_mut(out.cast::<u8>(), size(n))) };
    answered(handle.read(size(at), buffer))
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    bytes: *const c_void,
    n: c_int,
    at: sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls this for a file of ours, with `n` bytes.
    let (handle, bytes) = unsafe { (handle(file), std::slice::from_raw_parts(bytes.cast::<u8>(), size(n))) };
    if !handle.writable {
        return ffi::SQLITE_READONLY;
    }
    done(handle.disk.state().write(&handle.name, handle.file, size(at), bytes))
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, to: sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls this for a file of ours.
    let handle = unsafe { handle(file) };
    if !handle.writable {
        return ffi::SQLITE_READONLY;
    }
    done(handle.disk.state().truncate(&handle.name, handle.file, size(to)))
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // What else there may be: that only the data is wanted, without times.
    let full = flags & !ffi::SQLITE_SYNC_DATAONLY == ffi::SQLITE_SYNC_FULL;
    // SAFETY: SQLite calls this for a file of ours.
    done(unsafe { handle(file) }.sync(full))
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, out: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls this for a file of ours, with a place for the answer.
    let (handle, out) = unsafe { (handle(file), &mut *out) };
    let size = handle.disk.state().file(handle.file).map(|file| file.size());
    done(size.map(|size| *out = size as sqlite3_int64))
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, to: c_int) -> c_int {
    // SAFETY: SQLite calls this for a file of ours.
    answered(unsafe { handle(file) }.lock(to))
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, to: c_int) -> c_int {
    // SAFETY: SQLite calls this for a file of ours.
    done(unsafe { handle(file) }.unlock(to))
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite calls this for a file of ours, with a place for the answer.
    let (handle, out) = unsafe { (handle(file), &mut *out) };
    let reserved = handle.disk.state().file(handle.file).map(|file| file.locks.is_reserved());
    done(reserved.map(|reserved| *out = reserved.into()))
}

unsafe extern "C" fn file_control(_file: *mut sqlite3_file, _what: c_int, _argument: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_file: *mut sqlite3_file) -> c_int {
    SECTOR_SIZE
}

unsafe extern "C" fn device_characteristics(_file: *mut sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite calls this for a file of ours, with a place for the answer. It uses the region until it unmaps it, and the handle keeps the
    // memory till then.
    let (handle, out) = unsafe { (handle(file), &mut *out) };
    *out = ptr::null_mut();
    done(handle.memory().map(|memory| {
        if let Some(there) = memory.region(size(region), size(bytes), extend != 0) {
            *out = there.cast();
        }
    }))
}

unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, from: c_int, n: c_int, flags: c_int) -> c_int {
    // SAFETY: SQLite calls this for a file of ours.
    answered(unsafe { handle(file) }.lock_memory(size(from), size(n), flags))
}

unsafe extern "C" fn shm_barrier(_file: *mut sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: SQLite calls this for a file of ours.
    unsafe { handle(file) }.unmap_memory();
    ffi::SQLITE_OK
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
