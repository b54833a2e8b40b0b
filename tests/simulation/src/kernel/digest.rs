//! A digest of the machine's state: equal states have equal digests, whatever way led there.

use std::fmt::Write;
use std::hash::{Hash, Hasher};

use super::ports::Listener;
use super::{Kernel, mix};

/// SplitMix64 over what is hashed: fast, and the same in every run.
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mix(self.0 ^ word);
    }
}

impl Kernel {
    /// The digest of all but the tasks.
    pub(crate) fn digest(&self) -> u64 {
        let mut to = Mixer(self.now);
        for process in &self.processes {
            (process.pid, process.start, process.zombie, process.alive()).hash(&mut to);
            // What the dead knew makes no difference any more.
            if process.alive() {
                (process.changes, process.drawn, process.pace, process.terminated).hash(&mut to);
                process.descriptors.hash(&mut to);
            }
        }
        self.files.paths.hash(&mut to);
        for (inode, folder) in &self.files.folders {
            (inode, &folder.entries).hash(&mut to);
        }
        for (inode, file) in &self.files.files {
            (inode, &file.bytes, file.modified).hash(&mut to);
        }
        for (file, opened) in &self.locks.opened {
            (file, opened.inode, opened.copies).hash(&mut to);
        }
        self.locks.records.hash(&mut to);
        for (inode, holders) in &self.locks.flocks {
            (inode, holders.len()).hash(&mut to);
            holders.iter().for_each(|(file, sharing)| (file, *sharing as u8).hash(&mut to));
        }
        for (port, listener) in &self.ports.listeners {
            match listener {
                Listener::Worker { owner, queue, .. } => {
                    (port, owner, queue.len()).hash(&mut to);
                    queue.iter().for_each(|(request, _)| request.hash(&mut to));
                }
                Listener::Squatter { owner, kind } => (port, owner, kind).hash(&mut to),
            }
        }
        for (number, request) in &self.ports.requests {
            (number, request.server, request.broken, request.reply.is_some()).hash(&mut to);
        }
        for channel in &self.channels {
            let mut text = super::story::Digest(channel.messages.len() as u64);
            for message in &channel.messages {
                let _ = write!(text, "{message:?}");
            }
            text.0.hash(&mut to);
        }
        self.guarantees.digest(&mut to);
        for (at, _) in self.timers.keys() {
            at.hash(&mut to);
        }
        to.finish()
    }
}
