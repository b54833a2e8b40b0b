//! A directory held open, and the steps that files are written in.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use coordinator::layout;
use coordinator::machine::{Directory, Durability, FileStamp};

use crate::host::Host;
use crate::kernel::CallClass;
use crate::kernel::files::{Bytes, Inode, TEMPORARY, missing};
use crate::kernel::locks::OpenFile;

/// A directory, by its inode: held open, or found at a path a moment ago.
pub(super) struct Folder<'a> {
    pub(super) host: &'a Host,
    pub(super) inode: Inode,
}

impl Folder<'_> {
    pub(super) async fn read(&self, name: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        let read = self
            .host
            .try_call(CallClass::Open, "read", name, |kernel, key| {
                kernel.weather.strike(kernel.process(key).role, CallClass::Read)?;
                if name == layout::LAUNCH {
                    kernel.read_launch(key);
                }
                if name == layout::SUSPECT {
                    kernel.looks_at_suspicion(key);
                }
                Ok(kernel.files.bytes(self.inode, name))
            })
            .await?;
        Ok(read.map(|bytes| bytes[..bytes.len().min(limit)].to_vec()))
    }

    pub(super) async fn stat(&self, name: &str) -> io::Result<Option<FileStamp>> {
        self.host
            .try_call(CallClass::Read, "stat", name, |kernel, _| {
                Ok(kernel.files.entry(self.inode, name).map(|file| kernel.files.stamp(file)))
            })
            .await
    }

    /// Temporary file, contents, sync, rename, sync of the directory: a process can die between any two of them.
    pub(super) async fn replace(
        &self,
        name: &str,
        bytes: &[u8],
        durability: Durability,
    ) -> io::Result<FileStamp> {
        let host = self.host;
        let temporary = format!("{TEMPORARY}{}-{name}", host.kernel().process(host.key).pid);
        let inode = host
            .try_call(CallClass::Open, "create", &temporary, |kernel, key| {
                kernel.weather.strike(kernel.process(key).role, CallClass::Write)?;
                let (fresh, now) = (kernel.new_inode(key), kernel.now);
                kernel.files.unlink(self.inode, &temporary);
                kernel.files.open_or_make(self.inode, &temporary, fresh, now).ok_or_else(missing)
            })
            .await?;
        let written = self.fill(inode, &temporary, name, Arc::from(bytes), durability).await;
        if written.is_err() {
            host.call("unlink", &temporary, |kernel, _| {
                kernel.files.unlink(self.inode, &temporary);
            })
            .await;
        }
        written
    }

    async fn fill(
        &self,
        inode: Inode,
        temporary: &str,
        name: &str,
        bytes: Bytes,
        durability: Durability,
    ) -> io::Result<FileStamp> {
        let (host, synced) = (self.host, durability == Durability::Synced);
        host.try_call(CallClass::Write, "write", temporary, |kernel, _| {
            let now = kernel.now;
            kernel.files.write(inode, bytes.clone(), now);
            Ok(())
        })
        .await?;
        if synced {
            host.try_call(CallClass::Write, "fsync", temporary, |kernel, _| {
                kernel.files.sync_file(inode);
                Ok(())
            })
            .await?;
        }
        let stamp = host
            .try_call(CallClass::Write, "rename to", name, |kernel, key| {
                kernel.files.rename(self.inode, temporary, name)?;
                kernel.guarantees.touched(key, name);
                kernel.ports.published |= name == layout::RECORD && !kernel.ports.listeners.is_empty();
                match name {
                    layout::LAUNCH => kernel.noted_launch(key),
                    layout::RECORD => kernel.begins_tenure(key, self.inode),
                    layout::SUCCESSOR => kernel.promised(self.inode),
                    _ => {}
                }
                Ok(kernel.files.stamp(inode))
            })
            .await?;
        if synced {
            host.try_call(CallClass::Write, "fsync", "directory", |kernel, _| {
                kernel.files.sync_folder(self.inode);
                Ok(())
            })
            .await?;
        }
        Ok(stamp)
    }

    pub(super) async fn remove(&self, name: &str) -> io::Result<()> {
        self.host
            .try_call(CallClass::Write, "unlink", name, |kernel, key| {
                kernel.files.unlink(self.inode, name);
                kernel.guarantees.touched(key, name);
                if name == layout::SUCCESSOR {
                    kernel.promised(self.inode);
                }
                if name.ends_with(".lock") {
                    kernel.guarantees.unlinked_a_lock(key, name);
                }
                Ok(())
            })
            .await
    }
}

/// A directory held open: the descriptor counts for locks, and for what a careless child inherits.
pub(super) struct HeldFolder {
    pub(super) host: Host,
    pub(super) open: OpenFile,
    pub(super) inode: Inode,
}

impl HeldFolder {
    fn folder(&self) -> Folder<'_> {
        Folder { host: &self.host, inode: self.inode }
    }
}

impl Drop for HeldFolder {
    fn drop(&mut self) {
        self.host.at_once("close", "directory", |kernel, key| kernel.close(key, self.open));
    }
}

#[async_trait]
impl Directory for HeldFolder {
    async fn read(&self, name: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        self.folder().read(name, limit).await
    }

    async fn stat(&self, name: &str) -> io::Result<Option<FileStamp>> {
        self.folder().stat(name).await
    }

    async fn replace(&self, name: &str, bytes: &[u8], durability: Durability) -> io::Result<FileStamp> {
        self.folder().replace(name, bytes, durability).await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        self.folder().remove(name).await
    }

    async fn sweep(&self) -> io::Result<()> {
        self.host
            .try_call(CallClass::Write, "sweep", "", |kernel, _| {
                let Some(folder) = kernel.files.folders.get(&self.inode) else { return Ok(()) };
                let writer = |name: &str| name.strip_prefix(TEMPORARY)?.split('-').next()?.parse().ok();
                let left: Vec<String> = folder
                    .entries
                    .keys()
                    .filter(|name| {
                        writer(name)
                            .is_some_and(|pid| kernel.living(coordinator::machine::Pid(pid)).is_none())
                    })
                    .cloned()
                    .collect();
                for name in left {
                    kernel.files.unlink(self.inode, &name);
                }
                Ok(())
            })
            .await
    }
}
