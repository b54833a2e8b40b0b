//! Record locks, which belong to a process and an inode, and `flock`s, which belong to an open file.

use std::collections::BTreeMap;

use coordinator::lock_scheme::Sharing;

use super::files::Inode;
use super::processes::Key;

/// The number of an open file: what a descriptor and its copies share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct OpenFile(pub(crate) u64);

#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) inode: Inode,
    /// How many processes have a descriptor of it.
    pub(crate) copies: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct LockTable {
    pub(crate) opened: BTreeMap<OpenFile, Opened>,
    pub(crate) records: BTreeMap<Inode, Key>,
    pub(crate) flocks: BTreeMap<Inode, Vec<(OpenFile, Sharing)>>,
}

impl LockTable {
    pub(crate) fn inode(&self, file: OpenFile) -> Option<Inode> {
        self.opened.get(&file).map(|opened| opened.inode)
    }

    /// `F_SETLK`, exclusive.
    pub(crate) fn try_record(&mut self, inode: Inode, process: Key) -> bool {
        *self.records.entry(inode).or_insert(process) == process
    }

    /// `F_UNLCK`.
    pub(crate) fn unlock_record(&mut self, inode: Inode, process: Key) {
        if self.records.get(&inode) == Some(&process) {
            self.records.remove(&inode);
        }
    }

    pub(crate) fn try_flock(&mut self, file: OpenFile, sharing: Sharing) -> bool {
        let Some(inode) = self.inode(file) else { return false };
        let holders = self.flocks.entry(inode).or_default();
        let excluded = |(other, theirs): &(OpenFile, Sharing)| {
            *other != file && (sharing == Sharing::Exclusive || *theirs == Sharing::Exclusive)
        };
        if holders.iter().any(excluded) {
            return false;
        }
        holders.retain(|(holder, _)| *holder != file);
        holders.push((file, sharing));
        true
    }

    pub(crate) fn unlock_flock(&mut self, file: OpenFile) {
        let Some(inode) = self.inode(file) else { return };
        if let Some(holders) = self.flocks.get_mut(&inode) {
            holders.retain(|(holder, _)| *holder != file);
            if holders.is_empty() {
                self.flocks.remove(&inode);
            }
        }
    }

    /// One process closes its descriptor: its record locks on the file go, however many other descriptors of it the process has; the
    /// `flock` goes with the last copy.
    pub(crate) fn close(&mut self, file: OpenFile, process: Key) {
        let Some(inode) = self.inode(file) else { return };
        self.unlock_record(inode, process);
        if let Some(opened) = self.opened.get_mut(&file) {
            opened.copies -= 1;
            if opened.copies == 0 {
                self.unlock_flock(file);
                self.opened.remove(&file);
            }
        }
    }
}
