//! A session's files: notes that are misread, or not written.

use std::io;
use std::path::Path;

use async_trait::async_trait;
use oneworker_protocol::layout;
use oneworker_protocol::machine::{FileStamp, Files, Machine};

use crate::Sabotage;
use crate::reading::misread;
use crate::switch::on;

pub(crate) struct Sabotaged(pub(crate) Machine);

#[async_trait]
impl Files for Sabotaged {
    async fn prepare(&self, dir: &Path) -> io::Result<()> {
        self.0.files.prepare(dir).await
    }

    async fn check(&self, dir: &Path) -> io::Result<()> {
        self.0.files.check(dir).await
    }

    async fn read(&self, dir: &Path, name: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        match self.0.files.read(dir, name, limit).await? {
            Some(bytes) => Ok(misread(&self.0, name, bytes).await),
            None => Ok(None),
        }
    }

    async fn stat(&self, dir: &Path, name: &str) -> io::Result<Option<FileStamp>> {
        self.0.files.stat(dir, name).await
    }

    async fn replace(&self, dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        let of_a_silence = [layout::SUSPECT, layout::WATCHED].contains(&name);
        if of_a_silence && on(Sabotage::SilenceNotRemembered) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.files.replace(dir, name, bytes).await
    }

    async fn remove(&self, dir: &Path, name: &str) -> io::Result<()> {
        self.0.files.remove(dir, name).await
    }

    async fn network_file_system(&self, dir: &Path) -> Option<&'static str> {
        self.0.files.network_file_system(dir).await
    }

    async fn tail(&self, path: &Path, from: u64, limit: usize) -> io::Result<Vec<u8>> {
        self.0.files.tail(path, from, limit).await
    }
}
