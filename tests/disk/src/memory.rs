//! The memory that the connections to one database share in WAL mode. It never survives a power failure.

use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, PoisonError};

use rusqlite::ffi;

const SLOTS: usize = ffi::SQLITE_SHM_NLOCK as usize;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    shared: u32,
    exclusive: bool,
}

/// Regions that stay where they are, and eight locks.
#[derive(Debug, Default)]
pub(crate) struct SharedMemory {
    regions: Mutex<Vec<Box<[AtomicU32]>>>,
    slots: Mutex<[Slot; SLOTS]>,
}

/// Which of the locks a connection has, a bit for each.
#[derive(Debug, Default)]
pub(crate) struct Held {
    shared: u8,
    exclusive: u8,
}

impl SharedMemory {
    /// Where a region of so many bytes is; it is made only to `extend`. It is there as long as `self`, and is written through its atomics'
    /// own mutability.
    pub(crate) fn region(&self, n: usize, size: usize, extend: bool) -> Option<*mut u8> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        while extend && regions.len() <= n {
            regions.push((0..size.div_ceil(size_of::<AtomicU32>())).map(|_| AtomicU32::new(0)).collect());
        }
        regions.get(n).map(|region| region.as_ptr().cast::<u8>().cast_mut())
    }

    /// Whether all these locks were got.
    pub(crate) fn lock(&self, held: &mut Held, from: usize, n: usize, exclusive: bool) -> bool {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(wanted) = slots.get_mut(from..from + n) else { return false };
        if !exclusive && held.shared & mask(from, n) != 0 {
            return true;
        }
        if wanted.iter().any(|slot| slot.exclusive || (exclusive && slot.shared > 0)) {
            return false;
        }
        for slot in wanted {
            slot.exclusive = exclusive;
            slot.shared += u32::from(!exclusive);
        }
        *(if exclusive { &mut held.exclusive } else { &mut held.shared }) |= mask(from, n);
        true
    }

    pub(crate) fn unlock(&self, held: &mut Held, from: usize, n: usize) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        for i in from..(from + n).min(SLOTS) {
            if held.exclusive & mask(i, 1) != 0 {
                slots[i].exclusive = false;
            }
            if held.shared & mask(i, 1) != 0 {
                slots[i].shared -= 1;
            }
        }
        held.exclusive &= !mask(from, n);
        held.shared &= !mask(from, n);
    }

    pub(crate) fn unlock_all(&self, held: &mut Held) {
        self.unlock(held, 0, SLOTS);
    }
}

fn mask(from: usize, n: usize) -> u8 {
    (((1_u16 << n) - 1) << from) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_share_and_a_writer_is_alone() {
        let memory = SharedMemory::default();
        let (mut a, mut b) = (Held::default(), Held::default());
        assert!(memory.lock(&mut a, 3, 1, false) && memory.lock(&mut b, 3, 1, false));
        assert!(!memory.lock(&mut a, 2, 3, true));
        memory.unlock(&mut b, 3, 1);
        memory.unlock(&mut a, 3, 1);
        assert!(memory.lock(&mut a, 2, 3, true));
        assert!(!memory.lock(&mut b, 4, 1, false));
        memory.unlock_all(&mut a);
        assert!(memory.lock(&mut b, 0, 8, true));
    }

    #[test]
    fn a_region_stays_where_it_is() {
        let memory = SharedMemory::default();
        assert_eq!(memory.region(0, 32768, false), None);
        let first = memory.region(0, 32768, true);
        assert!(memory.region(5, 32768, true).is_some());
        assert_eq!(memory.region(0, 32768, false), first);
    }
}
