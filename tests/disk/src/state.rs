//! The state of a disk, and what can be done with it. Each change is an operation, and power may fail in any.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Dice;
use crate::file::File;
use crate::luck::Luck;
use crate::names::{self, FileId, Names};

/// There is no power: whoever asked is dead, and never sees this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PowerFailed;

#[derive(Debug)]
pub(crate) struct State {
    directory: PathBuf,
    pub(crate) names: Names,
    files: BTreeMap<FileId, File>,
    last_file: u64,
    /// What was done, in order.
    pub(crate) log: Vec<String>,
    pub(crate) fails_at: Option<usize>,
    dead: bool,
    /// Whether a plain sync leaves the data in a cache that needs power.
    pub(crate) cached: bool,
}

impl State {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            names: Names::default(),
            files: BTreeMap::new(),
            last_file: 0,
            log: Vec::new(),
            fails_at: None,
            dead: false,
            cached: false,
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    pub(crate) fn alive(&self) -> Result<(), PowerFailed> {
        if self.dead { Err(PowerFailed) } else { Ok(()) }
    }

    /// From now on nothing is done any more.
    pub(crate) fn cut(&mut self) {
        if !self.dead {
            self.names.look(&self.directory);
            self.dead = true;
        }
    }

    /// One operation more: `change` is done, and the power may fail in it. Then it is done as far as what was not synced ever is.
    fn operate<T>(&mut self, what: String, change: impl FnOnce(&mut Self) -> T) -> Result<T, PowerFailed> {
        self.alive()?;
        self.log.push(what);
        let done = change(self);
        if self.fails_at == Some(self.log.len()) {
            self.cut();
            return Err(PowerFailed);
        }
        Ok(done)
    }

    /// The file of this name; if there is none, and `make`, it is made. Whether it was.
    pub(crate) fn open(&mut self, name: &str, make: bool) -> Result<Option<(FileId, bool)>, PowerFailed> {
        self.alive()?;
        self.names.look_at(&self.directory, name);
        let there = self.names.get(name).filter(|file| self.files.contains_key(file));
        if there.is_some() || !make {
            return Ok(there.map(|file| (file, false)));
        }
        let made = self.operate(format!("make {name}"), |state| state.add(name, File::default()))?;
        Ok(made.ok().map(|file| (file, true)))
    }

    fn add(&mut self, name: &str, file: File) -> std::io::Result<FileId> {
        self.last_file += 1;
        let id = FileId(self.last_file);
        names::stand_in(&self.directory, name, id)?;
        self.names.set(name, Some(id));
        self.files.insert(id, file);
        Ok(id)
    }

    /// The size of the file of this name.
    pub(crate) fn size_of(&mut self, name: &str) -> Result<Option<usize>, PowerFailed> {
        let found = self.open(name, false)?;
        Ok(found.and_then(|(file, _)| self.files.get(&file)).map(File::size))
    }

    /// Whether there was one.
    pub(crate) fn remove(&mut self, name: &str) -> Result<bool, PowerFailed> {
        if self.open(name, false)?.is_none() {
            return Ok(false);
        }
        self.operate(format!("remove {name}"), |state| {
            state.names.set(name, None);
            std::fs::remove_file(state.directory.join(name)).is_ok()
        })
    }

    pub(crate) fn sync_names(&mut self) -> Result<(), PowerFailed> {
        self.sync("the directory", |state| {
            state.names.look(&state.directory);
            state.names.sync();
        })
    }

    pub(crate) fn file(&mut self, file: FileId) -> Result<&mut File, PowerFailed> {
        self.alive()?;
        // None is ever taken away.
        Ok(self.files.entry(file).or_default())
    }

    pub(crate) fn write(
        &mut self,
        name: &str,
        id: FileId,
        at: usize,
        bytes: &[u8],
    ) -> Result<(), PowerFailed> {
        self.operate(format!("write {name} {at} +{}", bytes.len()), |state| {
            state.files.entry(id).or_default().write(at, bytes);
        })
    }

    pub(crate) fn truncate(&mut self, name: &str, id: FileId, size: usize) -> Result<(), PowerFailed> {
        self.operate(format!("truncate {name} {size}"), |state| {
            state.files.entry(id).or_default().truncate(size);
        })
    }

    /// A `full` one empties the disk's cache too.
    pub(crate) fn sync_file(&mut self, name: &str, id: FileId, full: bool) -> Result<(), PowerFailed> {
        if self.cached && !full {
            return self.sync(&format!("{name} to the cache"), |_| {});
        }
        self.sync(name, |state| state.files.entry(id).or_default().sync())
    }

    /// One in which the power fails has synced nothing.
    fn sync(&mut self, what: &str, sync: impl FnOnce(&mut Self)) -> Result<(), PowerFailed> {
        self.operate(format!("sync {what}"), |_| {})?;
        sync(self);
        Ok(())
    }

    /// Puts files into `next` as they may be left of this disk's.
    pub(crate) fn leave_to(&self, next: &mut Self, dice: &mut Dice) -> std::io::Result<()> {
        next.cached = self.cached;
        let luck = Luck::new(dice);
        for (name, id) in self.names.left(&luck, dice) {
            let Some(file) = self.files.get(&id) else { continue };
            next.add(&name, File::of(file.left(&luck, dice)))?;
        }
        next.names.sync();
        Ok(())
    }
}
