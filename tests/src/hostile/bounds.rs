//! How much a piece of work takes: memory, by an allocator that counts, and time.
//!
//! A binary that measures has this allocator: `#[global_allocator] static MEMORY: Counting = Counting;`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Debug;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// The system's allocator, counted.
pub struct Counting;

thread_local! {
    // Each thread counts its own, so that tests that run side by side do not count each other's. What one thread allocates and another
    // frees makes a count negative.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(grown: usize, shrunk: usize) {
    let grown = LIVE.get().wrapping_add_unsigned(grown);
    PEAK.set(PEAK.get().max(grown));
    LIVE.set(grown.wrapping_sub_unsigned(shrunk));
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may exist for a moment.
        count(size, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// The most memory that this thread had at once while it did `work`, over what it had before, in bytes.
fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let done = work();
    (done, usize::try_from(PEAK.get() - before).unwrap_or(0))
}

/// The same for SQLite's memory, of all threads: whoever counts that does so while nobody else does.
fn sqlite_peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = sqlite_peak(true);
    let done = work();
    (done, sqlite_peak(false).saturating_sub(before))
}

/// The most that SQLite has had since the last reset; after a reset, what it has now.
fn sqlite_peak(reset: bool) -> usize {
    // SAFETY: plain calls that any thread may make.
    let bytes = unsafe {
        rusqlite::ffi::sqlite3_memory_highwater(reset.into());
        rusqlite::ffi::sqlite3_memory_highwater(0)
    };
    usize::try_from(bytes).unwrap_or(0)
}

/// What a piece of work may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Memory at its peak, in bytes.
    pub memory: usize,
    /// SQLite's memory at its peak, in bytes, for work that has to do with it.
    pub sqlite: Option<usize>,
    /// Time, without that in which the thread waited for a CPU: several times what it takes, and far from for ever.
    pub time: Duration,
}

impl Bounds {
    /// Does `work`, and fails if it took more. Work that does not end is for others to end: see [`bounded`].
    ///
    /// # Panics
    /// If `work` does, or took more.
    pub fn hold<T>(self, input: &dyn Debug, work: impl FnOnce() -> T) -> T {
        let timed = || {
            let (begun, starved) = (Instant::now(), starved());
            let (done, peak) = peak_of(work);
            (done, peak, begun.elapsed().saturating_sub(self::starved() - starved))
        };
        let ((done, peak, took), sqlite) = match self.sqlite {
            Some(_) => sqlite_peak_of(timed),
            None => (timed(), 0),
        };
        if peak > self.memory || sqlite > self.sqlite.unwrap_or(0) || took > self.time {
            panic!(
                "{peak} bytes of memory, {sqlite} of SQLite's, and {took:?}, of {self:?}, for {}",
                told(input)
            );
        }
        done
    }
}

/// For how long this thread has been able to run and got no CPU. Zero where the system does not count that.
fn starved() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_ascii_whitespace().nth(1).and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn told(input: &dyn Debug) -> String {
    format!("{input:?}").chars().take(2000).collect()
}

/// Does `work` within `bounds`. Work that does not end ends the whole process, with `input` told: nothing else would.
///
/// # Panics
/// As [`Bounds::hold`].
pub fn bounded<T>(input: &dyn Debug, bounds: Bounds, work: impl FnOnce() -> T) -> T {
    let patience = crate::PATIENCE;
    let told = told(input);
    let (done, is_done) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let is_done = is_done;
            if is_done.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
                // Not by a macro, whose output a test harness would keep to itself.
                let _ = writeln!(std::io::stderr(), "no end after {patience:?}: {told}");
                std::process::abort();
            }
        });
        // Caught, so that the watch ends with the work, however that ends.
        let result = catch_unwind(AssertUnwindSafe(|| bounds.hold(input, work)));
        drop(done);
        result.unwrap_or_else(|panic| resume_unwind(panic))
    })
}
