//! Files: inodes, directories, what of them is on the disk, and open files.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coordinator::machine::FileStamp;

/// The number of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Inode(pub(crate) u64);

/// How the names of temporary files begin.
pub(crate) const TEMPORARY: &str = ".tmp-";

/// The contents of a file. Shared, since nobody changes them in place.
pub(crate) type Bytes = Arc<[u8]>;

#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    pub(crate) bytes: Bytes,
    /// What a power failure leaves of it.
    pub(crate) durable: Bytes,
    pub(crate) modified: i128,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Folder {
    pub(crate) entries: BTreeMap<String, Inode>,
    /// The entries that a power failure leaves.
    pub(crate) durable: BTreeMap<String, Inode>,
}

/// All files. Directories are known by their whole path: the protocol uses one, and an adversary puts others in its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileSystem {
    pub(crate) files: BTreeMap<Inode, File>,
    pub(crate) folders: BTreeMap<Inode, Folder>,
    pub(crate) paths: BTreeMap<PathBuf, Inode>,
}

pub(crate) fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl FileSystem {
    pub(crate) fn folder_at(&self, path: &Path) -> io::Result<Inode> {
        self.paths.get(path).copied().ok_or_else(missing)
    }

    pub(crate) fn make_folder(&mut self, path: &Path, inode: Inode) -> Inode {
        self.folders.entry(inode).or_default();
        *self.paths.entry(path.to_owned()).or_insert(inode)
    }

    pub(crate) fn entry(&self, folder: Inode, name: &str) -> Option<Inode> {
        self.folders.get(&folder)?.entries.get(name).copied()
    }

    pub(crate) fn bytes(&self, folder: Inode, name: &str) -> Option<Bytes> {
        let file = self.entry(folder, name)?;
        self.files.get(&file).map(|file| file.bytes.clone())
    }

    /// The entry; made with this inode if it is missing.
    pub(crate) fn open_or_make(
        &mut self,
        folder: Inode,
        name: &str,
        inode: Inode,
        now: u64,
    ) -> Option<Inode> {
        let entries = &mut self.folders.get_mut(&folder)?.entries;
        if let Some(there) = entries.get(name) {
            return Some(*there);
        }
        entries.insert(name.to_owned(), inode);
        self.files.insert(inode, File { modified: now.into(), ..File::default() });
        Some(inode)
    }

    pub(crate) fn write(&mut self, file: Inode, bytes: Bytes, now: u64) {
        if let Some(file) = self.files.get_mut(&file) {
            file.bytes = bytes;
            file.modified = now.into();
        }
    }

    /// `fsync` of a file.
    pub(crate) fn sync_file(&mut self, file: Inode) {
        if let Some(file) = self.files.get_mut(&file) {
            file.durable = file.bytes.clone();
        }
    }

    /// `fsync` of a directory: its entries as they are now.
    pub(crate) fn sync_folder(&mut self, folder: Inode) {
        if let Some(folder) = self.folders.get_mut(&folder) {
            folder.durable.clone_from(&folder.entries);
        }
    }

    pub(crate) fn rename(&mut self, folder: Inode, from: &str, to: &str) -> io::Result<()> {
        let entries = &mut self.folders.get_mut(&folder).ok_or_else(missing)?.entries;
        let file = entries.remove(from).ok_or_else(missing)?;
        entries.insert(to.to_owned(), file);
        Ok(())
    }

    pub(crate) fn unlink(&mut self, folder: Inode, name: &str) -> Option<Inode> {
        self.folders.get_mut(&folder)?.entries.remove(name)
    }

    pub(crate) fn stamp(&self, inode: Inode) -> FileStamp {
        let file = self.files.get(&inode);
        FileStamp {
            device: 1,
            inode: inode.0,
            size: file.map_or(0, |file| file.bytes.len() as u64),
            modified: file.map_or(0, |file| file.modified),
        }
    }

    /// What is left when the power fails: of each change that was not synced, `survives` decides. Of a file whose name reached the disk
    /// before its contents, nothing but the name is left.
    pub(crate) fn lose_power(&mut self, mut survives: impl FnMut() -> bool) {
        for folder in self.folders.values_mut() {
            let names: Vec<String> = folder.entries.keys().chain(folder.durable.keys()).cloned().collect();
            for name in names {
                let (now, durable) = (folder.entries.get(&name).copied(), folder.durable.get(&name).copied());
                if now == durable {
                    continue;
                }
                match if survives() { now } else { durable } {
                    Some(inode) => folder.entries.insert(name, inode),
                    None => folder.entries.remove(&name),
                };
            }
            folder.durable.clone_from(&folder.entries);
        }
        for file in self.files.values_mut() {
            if file.bytes != file.durable && !survives() {
                file.bytes = file.durable.clone();
            }
            file.durable = file.bytes.clone();
        }
    }
}
