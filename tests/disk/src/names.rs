//! The directory: which name leads to which file, and what of that is durable.
//!
//! The names are also those of a real directory, so that code which asks the system whether a file is there, removes or renames it, need not
//! know that its contents are elsewhere. Each real file holds the number of its simulated one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::Dice;
use crate::luck::{Fate, Luck};

/// The number of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(pub(crate) u64);

#[derive(Debug, Default)]
struct Entry {
    now: Option<FileId>,
    /// What it has been since the last sync, the durable one first.
    before: Vec<Option<FileId>>,
}

impl Entry {
    fn set(&mut self, now: Option<FileId>) {
        if self.now != now {
            self.before.push(self.now);
            self.now = now;
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<String, Entry>);

impl Names {
    pub(crate) fn get(&self, name: &str) -> Option<FileId> {
        self.0.get(name)?.now
    }

    pub(crate) fn set(&mut self, name: &str, file: Option<FileId>) {
        self.0.entry(name.to_owned()).or_default().set(file);
    }

    pub(crate) fn sync(&mut self) {
        self.0.values_mut().for_each(|entry| entry.before.clear());
    }

    /// Takes note of what was done to the real directory.
    pub(crate) fn look(&mut self, directory: &Path) {
        let there = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let there = there.filter_map(|entry| entry.file_name().into_string().ok());
        let names: BTreeSet<String> = self.0.keys().cloned().chain(there).collect();
        names.iter().for_each(|name| self.look_at(directory, name));
    }

    /// The same of one name.
    pub(crate) fn look_at(&mut self, directory: &Path, name: &str) {
        let number = std::fs::read_to_string(directory.join(name)).ok().and_then(|text| text.parse().ok());
        if number.is_some() || self.0.contains_key(name) {
            self.set(name, number.map(FileId));
        }
    }

    /// The names that may be left: each leads to what it does now, or has led to since the last sync.
    pub(crate) fn left(&self, luck: &Luck, dice: &mut Dice) -> Vec<(String, FileId)> {
        let choose = |(name, entry): (&String, &Entry)| {
            let file = match (luck.fate(dice), entry.before.as_slice()) {
                (_, []) | (Fate::Kept, _) => entry.now,
                (Fate::Lost, [durable, ..]) => *durable,
                (Fate::Torn, before) => before[dice.below(before.len() as u64) as usize],
            };
            Some((name.clone(), file?))
        };
        self.0.iter().filter_map(choose).collect()
    }
}

/// Makes the real file that stands for a simulated one.
pub(crate) fn stand_in(directory: &Path, name: &str, file: FileId) -> std::io::Result<()> {
    std::fs::write(directory.join(name), file.0.to_string())
}
