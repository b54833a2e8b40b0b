//! A file: what of it is durable, and what was done to it since.

use std::sync::Weak;

use crate::Dice;
use crate::luck::{Fate, Luck};
use crate::memory::SharedMemory;

/// What a disk writes as a whole or not at all.
pub(crate) const SECTOR: usize = 512;

#[derive(Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Change {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => put(contents, *at, bytes),
            Self::Truncate(size) => contents.resize(*size, 0),
        }
    }
}

/// Writes over the end too; what is skipped is zero.
fn put(contents: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if contents.len() < end {
        contents.resize(end, 0);
    }
    contents[at..end].copy_from_slice(bytes);
}

#[derive(Debug, Default)]
pub(crate) struct File {
    contents: Vec<u8>,
    durable: Vec<u8>,
    /// Since the last sync, in order.
    changes: Vec<Change>,
    pub(crate) locks: crate::locks::Locks,
    pub(crate) memory: Weak<SharedMemory>,
}

impl File {
    pub(crate) fn of(contents: Vec<u8>) -> Self {
        Self { durable: contents.clone(), contents, ..Self::default() }
    }

    pub(crate) fn size(&self) -> usize {
        self.contents.len()
    }

    /// Fills the buffer from there on, with zeros after the end; how much there was.
    pub(crate) fn read(&self, at: usize, buffer: &mut [u8]) -> usize {
        let there = self.contents.get(at..).unwrap_or_default();
        let n = there.len().min(buffer.len());
        buffer[..n].copy_from_slice(&there[..n]);
        buffer[n..].fill(0);
        n
    }

    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        self.change(Change::Write { at, bytes: bytes.to_vec() });
    }

    pub(crate) fn truncate(&mut self, size: usize) {
        self.change(Change::Truncate(size));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.contents);
        self.changes.push(change);
    }

    pub(crate) fn sync(&mut self) {
        for change in self.changes.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// What may be left of it. A subset of the changes, each as a whole or in part, stands for every order in which they may have come to the
    /// disk: of each sector one of the versions is left that it has had since the last sync.
    pub(crate) fn left(&self, luck: &Luck, dice: &mut Dice) -> Vec<u8> {
        let mut left = self.durable.clone();
        for change in &self.changes {
            match (luck.fate(dice), change) {
                (Fate::Kept, change) => change.apply(&mut left),
                (Fate::Torn, Change::Write { at, bytes }) => tear(&mut left, *at, bytes, dice),
                (Fate::Torn | Fate::Lost, _) => {}
            }
        }
        left
    }
}

/// Some sectors of a write. Past the old end of the file there may be anything in the place of the others: its size can come to the disk
/// before its contents.
fn tear(left: &mut Vec<u8>, at: usize, bytes: &[u8], dice: &mut Dice) {
    let end = left.len();
    if dice.once_in(2) && at + bytes.len() > end {
        let filler = if dice.once_in(2) { 0 } else { dice.roll() as u8 };
        left.resize(at + bytes.len(), filler);
    }
    let mut from = 0;
    while from < bytes.len() {
        let to = ((at + from) / SECTOR * SECTOR + SECTOR - at).min(bytes.len());
        if dice.once_in(2) {
            put(left, at + from, &bytes[from..to]);
        }
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_stays_and_of_the_rest_each_sector_is_old_or_new() {
        let mut torn = 0;
        for seed in 0..200 {
            let mut dice = Dice::new(seed);
            let mut file = File::of(vec![1; 4 * SECTOR]);
            file.write(100, &[2; 50]);
            file.sync();
            file.write(SECTOR, &[3; 3 * SECTOR]);
            let left = file.left(&Luck::new(&mut dice), &mut dice);
            assert_eq!(left.len(), 4 * SECTOR);
            assert_eq!((left[99], &left[100..150], left[150]), (1, &[2; 50][..], 1));
            let sectors: Vec<u8> = left.chunks(SECTOR).skip(1).map(|sector| sector[0]).collect();
            assert!(left.chunks(SECTOR).skip(1).all(|s| s.iter().all(|byte| *byte == s[0])));
            torn += u32::from(sectors.contains(&1) && sectors.contains(&3));
        }
        assert!((10..190).contains(&torn), "{torn}");
    }

    #[test]
    fn reads_past_the_end_are_short_and_zero() {
        let mut buffer = [9; 4];
        assert_eq!(File::of(vec![1, 2]).read(1, &mut buffer), 1);
        assert_eq!(buffer, [2, 0, 0, 0]);
        assert_eq!(File::of(vec![1, 2]).read(7, &mut buffer), 0);
    }
}
