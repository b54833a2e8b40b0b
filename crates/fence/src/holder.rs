//! Who holds a database's write lock.
//!
//! Found out without opening the file: closing a second descriptor of it would drop the locks that SQLite has on it in this process
//! (<https://www.sqlite.org/howtocorrupt.html>, section 2.2).

use std::path::Path;

use oneworker_protocol::machine::Pid;

/// The process that holds it, where the system tells.
#[cfg(target_os = "linux")]
pub(super) fn of_write_lock(database: &Path) -> Option<Pid> {
    use std::os::unix::fs::MetadataExt;

    let mut index = database.as_os_str().to_owned();
    index.push("-shm");
    let inode = std::fs::symlink_metadata(index).ok()?.ino();
    (0..LOOKS).find_map(|_| {
        let locks = std::fs::read_to_string("/proc/locks").ok()?;
        locks.lines().find_map(|line| write_lock_holder(line, inode))
    })
}

/// The kernel tells its list in pieces, and entries move while others come and go: a lock that is held all the time can be missed in one look.
#[cfg(target_os = "linux")]
const LOOKS: usize = 5;

#[cfg(not(target_os = "linux"))]
pub(super) fn of_write_lock(_database: &Path) -> Option<Pid> {
    None
}

/// The byte of the shared-memory file whose lock is the write lock (<https://www.sqlite.org/walformat.html#wal_locks>).
#[cfg(target_os = "linux")]
const WRITE_LOCK: u64 = 120;

/// A line of proc_locks(5): `1: POSIX  ADVISORY  WRITE 703 08:01:2755 120 120`. Those that wait have an arrow. A pid that this namespace can't see
/// is 0.
#[cfg(target_os = "linux")]
fn write_lock_holder(line: &str, inode: u64) -> Option<Pid> {
    let mut fields = line.split_whitespace().skip(1);
    if (fields.next()?, fields.nth(1)?) != ("POSIX", "WRITE") {
        return None;
    }
    let pid: u32 = fields.next()?.parse().ok()?;
    let file = fields.next()?.rsplit(':').next()?.parse::<u64>().ok()?;
    let (from, to) = (fields.next()?.parse::<u64>().ok()?, fields.next()?);
    let covered = from <= WRITE_LOCK && to.parse().map_or(to == "EOF", |to: u64| to >= WRITE_LOCK);
    (file == inode && covered && pid != 0).then_some(Pid(pid))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_write_lock_is_found_and_no_other() {
        let holder = |line| write_lock_holder(line, 2755);
        assert_eq!(holder("1: POSIX  ADVISORY  WRITE 703 08:01:2755 120 120"), Some(Pid(703)));
        assert_eq!(holder("1: POSIX  ADVISORY  WRITE 703 08:01:2755 0 EOF"), Some(Pid(703)));
        for other in [
            "1: POSIX  ADVISORY  READ  703 08:01:2755 120 120",
            "1: POSIX  ADVISORY  WRITE 703 08:01:2755 128 128",
            "1: POSIX  ADVISORY  WRITE 703 08:01:27 120 120",
            "1: FLOCK  ADVISORY  WRITE 703 08:01:2755 0 EOF",
            "1: -> POSIX  ADVISORY  WRITE 703 08:01:2755 120 120",
            "1: POSIX  ADVISORY  WRITE 0 08:01:2755 120 120",
            "",
        ] {
            assert_eq!(holder(other), None, "{other}");
        }
    }
}
