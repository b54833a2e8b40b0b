//! What is in an archive, before it is one.

use std::collections::BTreeMap;

/// What a file may be used for; archives know nothing else of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Read, and written by its owner.
    Data,
    /// Run, too.
    Program,
}

impl Kind {
    pub(crate) fn mode(self) -> u32 {
        match self {
            Self::Data => 0o644,
            Self::Program => 0o755,
        }
    }
}

/// Files by their paths, which are in one order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content(BTreeMap<String, (Kind, Vec<u8>)>);

impl Content {
    pub(crate) fn add(&mut self, path: impl Into<String>, kind: Kind, bytes: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), (kind, bytes.into()));
    }

    /// Path, kind and bytes of each.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, Kind, &[u8])> {
        self.0.iter().map(|(path, (kind, bytes))| (path.as_str(), *kind, bytes.as_slice()))
    }

    /// The same files below this directory.
    pub(crate) fn below(self, dir: &str) -> Self {
        Self(self.0.into_iter().map(|(path, file)| (format!("{dir}/{path}"), file)).collect())
    }
}
