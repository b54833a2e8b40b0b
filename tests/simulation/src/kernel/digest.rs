//! A digest of the machine's state: equal states have equal digests, whatever way led there.

use std::fmt::Write;
use std::hash::{Hash, Hasher};

use super::files::TEMPORARY;
use super::ports::Listener;
use super::processes::{Key, Role};
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
        self.digest_locks(&mut to);
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
        self.digest_channels(&mut to);
        self.guarantees.digest(&mut to);
        for (at, _) in self.timers.keys() {
            at.hash(&mut to);
        }
        to.finish()
    }

    fn digest_locks(&self, to: &mut Mixer) {
        self.locks.records.hash(to);
        for (inode, holders) in &self.locks.flocks {
            (inode, holders.len()).hash(to);
            holders.iter().for_each(|(file, sharing)| (file, *sharing as u8).hash(to));
        }
    }

    fn digest_channels(&self, to: &mut Mixer) {
        for channel in &self.channels {
            let mut text = super::story::Digest(channel.messages.len() as u64);
            for message in &channel.messages {
                let _ = write!(text, "{message:?}");
            }
            text.0.hash(to);
        }
    }

    /// What is published in the directories: all but temporary files, and what nobody reads.
    fn digest_published(&self, to: &mut Mixer) {
        let read = |name: &str| !name.starts_with(TEMPORARY) && !self.is_unread(name);
        let entries = self.files.folders.values().flat_map(|folder| &folder.entries);
        for (name, inode) in entries.filter(|(name, _)| read(name)) {
            let contents = self.files.files.get(inode).map(|file| (&file.bytes, file.modified));
            (name, contents).hash(to);
        }
    }

    /// The digest of what others can notice of this process's steps.
    pub(crate) fn noticeable(&self, key: Key) -> u64 {
        let mut to = Mixer(self.now);
        self.processes.iter().for_each(|process| process.alive().hash(&mut to));
        self.digest_published(&mut to);
        self.digest_locks(&mut to);
        for (port, listener) in self.ports.listeners.iter().filter(|_| self.ports.published) {
            let (Listener::Worker { owner, .. } | Listener::Squatter { owner, .. }) = listener;
            (port, owner).hash(&mut to);
        }
        // Only the session that launched a worker takes what that worker reports.
        if matches!(self.process(key).role, Role::Worker(_)) {
            self.digest_channels(&mut to);
        }
        to.finish()
    }

    /// The digest of what came of it all, and of what all those were told who came to their own end.
    pub(crate) fn outcome(&self) -> u64 {
        let mut to = Mixer(self.now ^ mix(self.ended));
        for process in &self.processes {
            (process.pid, process.alive()).hash(&mut to);
        }
        self.digest_published(&mut to);
        self.locks.records.hash(&mut to);
        self.guarantees.launches.len().hash(&mut to);
        let mut text = super::story::Digest(0);
        let _ = write!(text, "{:?}", self.answers);
        text.0.hash(&mut to);
        to.finish()
    }
}
