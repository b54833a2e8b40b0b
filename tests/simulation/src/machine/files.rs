//! The session's view of the files: by path, found anew with each call.

use std::io;
use std::path::Path;

use async_trait::async_trait;
use coordinator::machine::{Durability, FileStamp, Files};

use super::directory::Folder;
use crate::host::Host;
use crate::kernel::CallClass;
use crate::kernel::files::Inode;

pub(super) struct SimulatedFiles(pub(super) Host);

impl SimulatedFiles {
    fn at(&self, dir: &Path) -> io::Result<Folder<'_>> {
        let inode = self.0.kernel().files.folder_at(dir)?;
        Ok(Folder { host: &self.0, inode })
    }

    /// As [`Self::at`]; a file in a missing directory is a missing file.
    fn seen_at(&self, dir: &Path) -> Folder<'_> {
        self.at(dir).unwrap_or(Folder { host: &self.0, inode: Inode(0) })
    }
}

#[async_trait]
impl Files for SimulatedFiles {
    async fn prepare(&self, dir: &Path) -> io::Result<()> {
        self.0
            .try_call(CallClass::Read, "make directory", "", |kernel, key| {
                if kernel.files.folder_at(dir).is_err() {
                    kernel.weather.strike(kernel.process(key).role, CallClass::Write)?;
                    let fresh = kernel.new_inode(key);
                    kernel.files.make_folder(dir, fresh);
                }
                Ok(())
            })
            .await?;
        // Nothing is kept of a first look that found no worker.
        self.0.kernel().may_forget(self.0.key, "made the directory");
        Ok(())
    }

    async fn check(&self, dir: &Path) -> io::Result<()> {
        self.0
            .try_call(CallClass::Read, "check directory", "", |kernel, _| {
                kernel.files.folder_at(dir).map(drop)
            })
            .await
    }

    async fn read(&self, dir: &Path, name: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        self.seen_at(dir).read(name, limit).await
    }

    async fn stat(&self, dir: &Path, name: &str) -> io::Result<Option<FileStamp>> {
        self.seen_at(dir).stat(name).await
    }

    async fn replace(&self, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.at(dir)?.replace(name, bytes, Durability::Visible).await.map(drop)
    }

    async fn remove(&self, dir: &Path, name: &str) -> io::Result<()> {
        self.seen_at(dir).remove(name).await
    }

    async fn network_file_system(&self, _dir: &Path) -> Option<&'static str> {
        self.0.kernel().network_file_system
    }

    async fn tail(&self, _path: &Path, _from: u64, _limit: usize) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}
