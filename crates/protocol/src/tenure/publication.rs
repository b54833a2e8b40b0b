//! What a worker in office keeps published in its state directory, and puts back when somebody takes it away.

use std::io;

use crate::machine::{Directory, Durability, FileStamp};

/// Files and their contents, each with the stamp it had after it was written: a `stat` tells whether it is still that.
#[derive(Default)]
pub(super) struct Publication {
    files: Vec<Published>,
}

struct Published {
    name: &'static str,
    bytes: Vec<u8>,
    stamp: FileStamp,
}

impl Publication {
    /// Writes a file, and keeps it from now on.
    pub(super) async fn put(
        &mut self,
        dir: &dyn Directory,
        name: &'static str,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        let stamp = dir.replace(name, &bytes, Durability::Visible).await?;
        self.files.retain(|file| file.name != name);
        self.files.push(Published { name, bytes, stamp });
        Ok(())
    }

    /// Removes a file, and keeps it no longer.
    pub(super) async fn withdraw(&mut self, dir: &dyn Directory, name: &'static str) -> io::Result<()> {
        self.files.retain(|file| file.name != name);
        dir.remove(name).await
    }

    /// Writes again what is missing or was changed.
    pub(super) async fn heal(&mut self, dir: &dyn Directory) -> io::Result<()> {
        for file in &mut self.files {
            if dir.stat(file.name).await? != Some(file.stamp) {
                file.stamp = dir.replace(file.name, &file.bytes, Durability::Visible).await?;
            }
        }
        Ok(())
    }
}
