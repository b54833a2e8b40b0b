//! The lock on a file, as SQLite wants it: any number of readers, one of them about to write, or one writer alone.
//!
//! Everybody is in this process, so it is a count and a name. A power failure needs no unlocking: the next disk has new files.

use rusqlite::ffi;

#[derive(Debug, Default)]
pub(crate) struct Locks {
    shared: u32,
    /// Who has more than a shared lock, and which.
    writer: Option<(u64, i32)>,
}

impl Locks {
    /// Whether `owner`, who has the lock `from`, got the higher lock `to`; else which lock he has now.
    pub(crate) fn lock(&mut self, owner: u64, from: i32, to: i32) -> Result<(), i32> {
        let other = self.writer.filter(|(writer, _)| *writer != owner);
        if to == ffi::SQLITE_LOCK_SHARED {
            if from == ffi::SQLITE_LOCK_NONE {
                match other {
                    Some((_, level)) if level >= ffi::SQLITE_LOCK_PENDING => return Err(from),
                    _ => self.shared += 1,
                }
            }
            return Ok(());
        }
        if other.is_some() {
            return Err(from);
        }
        if to == ffi::SQLITE_LOCK_EXCLUSIVE && self.shared > 1 {
            // Nobody new comes in any more.
            self.writer = Some((owner, ffi::SQLITE_LOCK_PENDING));
            return Err(ffi::SQLITE_LOCK_PENDING);
        }
        self.writer = Some((owner, to));
        Ok(())
    }

    pub(crate) fn unlock(&mut self, owner: u64, from: i32, to: i32) {
        if self.writer.is_some_and(|(writer, _)| writer == owner) && to <= ffi::SQLITE_LOCK_SHARED {
            self.writer = None;
        }
        if from >= ffi::SQLITE_LOCK_SHARED && to == ffi::SQLITE_LOCK_NONE {
            self.shared = self.shared.saturating_sub(1);
        }
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.writer.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi::{
        SQLITE_LOCK_EXCLUSIVE as EXCLUSIVE, SQLITE_LOCK_NONE as NONE, SQLITE_LOCK_PENDING as PENDING,
        SQLITE_LOCK_RESERVED as RESERVED, SQLITE_LOCK_SHARED as SHARED,
    };

    #[test]
    fn one_writes_when_nobody_reads_and_nobody_comes_before_him() {
        let mut locks = Locks::default();
        assert_eq!((locks.lock(1, NONE, SHARED), locks.lock(2, NONE, SHARED)), (Ok(()), Ok(())));
        assert_eq!(locks.lock(1, SHARED, RESERVED), Ok(()));
        assert_eq!(locks.lock(2, SHARED, RESERVED), Err(SHARED));
        assert_eq!(locks.lock(1, RESERVED, EXCLUSIVE), Err(PENDING));
        assert_eq!(locks.lock(3, NONE, SHARED), Err(NONE));
        locks.unlock(2, SHARED, NONE);
        assert_eq!(locks.lock(1, PENDING, EXCLUSIVE), Ok(()));
        assert!(locks.is_reserved());
        locks.unlock(1, EXCLUSIVE, NONE);
        assert_eq!(locks.lock(3, NONE, SHARED), Ok(()));
        assert!(!locks.is_reserved());
    }
}
