//! A random story: some lives of a machine, each ended by a power failure.

use std::path::PathBuf;

use coordinator::Epoch;
use coordinator::fence::Fence;
use oneworker_disk::{Dice, Disk};

use super::found;
use super::ledger::Ledger;
use super::machine::{Machine, observation};
use crate::store::{Store, backup, restore};

pub(super) struct Story {
    seed: u64,
    dice: Dice,
    machine: Machine,
    /// The next key.
    next: u64,
    /// What the backup may be: none or the one that was acknowledged, or any that was under way.
    /// There are none on a disk with a cache, which does not see that they are synced.
    backups: Vec<Option<Ledger>>,
    /// What the database may be since a restore whose end nobody saw.
    restored: Option<Ledger>,
    /// All operations of all disks.
    pub(super) log: Vec<String>,
}

type Step = Result<(), String>;

impl Story {
    pub(super) fn new(seed: u64, synced: bool) -> Self {
        let mut dice = Dice::new(seed);
        let backups = dice.once_in(2);
        let disk = if backups { Disk::new() } else { Disk::with_cache() };
        let mut machine = Machine::new(disk.unwrap(), synced);
        machine.checkpoint = [4, 30, 1000][dice.below(3) as usize];
        let backups = if backups { vec![None] } else { Vec::new() };
        Self { seed, dice, machine, next: 0, backups, restored: None, log: Vec::new() }
    }

    /// Tells it; how often the power failed.
    pub(super) async fn tell(&mut self) -> Result<u64, String> {
        let lives = 1 + self.dice.below(4);
        for life in 0..=lives {
            if life < lives {
                let within = [10, 40, 150, 500][self.dice.below(4) as usize];
                self.machine.disk.fail_at(1 + self.dice.below(within) as usize);
            }
            let lived = self.live(life < lives).await;
            self.log.extend(self.machine.disk.log());
            if let Err(what) = lived {
                let repeat = format!("DISK_SEED={} DISK_STORIES=1 repeats it", self.seed);
                return Err(format!("{what}\n{repeat}; its operations:\n  {}", self.log.join("\n  ")));
            }
            self.fail();
        }
        Ok(lives)
    }

    /// The power fails, if it has not, and comes back.
    fn fail(&mut self) {
        self.machine.disk = self.machine.disk.after_power_failure(self.dice.roll()).unwrap();
        self.log.push("POWER FAILURE".to_owned());
    }

    async fn live(&mut self, on: bool) -> Step {
        self.settle_restore()?;
        self.settle_backup()?;
        let Some(mut store) = self.machine.recover().await? else { return Ok(()) };
        let steps = if on { self.dice.below(12) } else { 0 };
        for _ in 0..steps {
            if let Some(other) = self.step(&store).await? {
                store = other;
            }
            if self.machine.disk.is_dead() {
                break;
            }
        }
        if !on {
            self.machine.check()?;
        } else if self.dice.once_in(2) {
            self.machine.disk.cut_power();
        }
        // Joins the writer's thread; the dead write nothing any more.
        store.close().await;
        Ok(())
    }

    /// One thing that clients or the worker do; the store, if it was opened anew.
    async fn step(&mut self, store: &Store) -> Result<Option<Store>, String> {
        match self.dice.below(16) {
            0..=7 => {
                let batches: Vec<_> = (0..1 + self.dice.below(4)).map(|_| self.batch()).collect();
                self.machine.add(store, &batches).await?;
            }
            8 => {
                let session = self.dice.below(5).to_string();
                self.machine.remove(store, &session).await?;
            }
            9 | 10 => {
                let (id, begins) = (self.dice.below(4).to_string(), !self.dice.once_in(3));
                self.machine.lease(store, &id, begins).await?;
            }
            11 => {
                self.machine.wait(self.dice.below(1000).cast_signed());
                self.machine.retain(store).await?;
            }
            12 | 13 if !self.backups.is_empty() => self.back_up()?,
            12 | 13 => {}
            14 => {
                store.close().await;
                return self.machine.open().await;
            }
            _ => {
                store.close().await;
                if let [Some(backup)] = self.backups.as_slice() {
                    self.restore(backup.clone())?;
                }
                return if self.machine.disk.is_dead() { Ok(None) } else { self.machine.open().await };
            }
        }
        Ok(None)
    }

    /// New ones, and some that came before.
    fn batch(&mut self) -> Vec<crate::api::NewObservation> {
        let n = 1 + self.dice.below(5);
        let one = |_| {
            let key = if self.next > 0 && self.dice.once_in(5) {
                self.dice.below(self.next)
            } else {
                self.next += 1;
                self.next - 1
            };
            observation(&key.to_string())
        };
        let mut batch: Vec<_> = (0..n).map(one).collect();
        batch.sort_by(|a, b| a.key.cmp(&b.key));
        batch.dedup_by(|a, b| a.key == b.key);
        batch
    }

    fn backup(&self) -> PathBuf {
        self.machine.disk.path("backup.db")
    }

    fn back_up(&mut self) -> Step {
        self.backups.push(Some(self.machine.ledger.clone()));
        let done = backup(&self.machine.database(), &self.backup());
        // It has done so by itself, which the disk can't see.
        self.machine.disk.sync_directory();
        if self.machine.or_dead("a backup", done)?.is_some() && !self.machine.disk.is_dead() {
            self.backups.drain(..self.backups.len() - 1);
        }
        Ok(())
    }

    /// One of those that it may be has to be there.
    fn settle_backup(&mut self) -> Step {
        if self.backups.is_empty() {
            return Ok(());
        }
        let path = self.backup();
        let found = if path.exists() { Some(found::look(&path)) } else { None };
        if self.machine.disk.is_dead() {
            return Ok(());
        }
        let found = found.transpose().map_err(|error| format!("the backup: {error}"))?;
        let is = |may_be: &Option<Ledger>| match (may_be, &found) {
            (Some(ledger), Some(found)) => ledger.judge(found),
            (None, None) => Ok(()),
            _ => Err(format!("the backup: lost: {}", found.is_none())),
        };
        let judged: Vec<_> = self.backups.iter().map(is).collect();
        match judged.iter().rposition(Result::is_ok) {
            Some(is) => self.backups = vec![self.backups.swap_remove(is)],
            None => return Err(format!("the backup: {judged:?}")),
        }
        Ok(())
    }

    /// With the epoch of a tenure, as the command line does.
    fn restore(&mut self, mut new: Ledger) -> Step {
        let Some(epoch) = self.machine.draw_epoch()? else { return Ok(()) };
        (new.claimed, new.tried) = (epoch, epoch);
        let done = restore(&self.backup(), &self.machine.database(), Epoch(epoch));
        match self.machine.or_dead("a restore", done)? {
            Some(()) => self.machine.ledger = new,
            None => self.restored = Some(new),
        }
        Ok(())
    }

    /// After a restore that was under way: the old database, or the new one, as the fence says,
    /// which is part of it.
    fn settle_restore(&mut self) -> Step {
        let Some(new) = self.restored.take() else { return Ok(()) };
        match self.machine.or_dead("reading the fence", Fence::highest(&self.machine.database()))? {
            Some(highest) if highest == Some(Epoch(new.claimed)) => self.machine.ledger = new,
            Some(_) => {}
            None => self.restored = Some(new),
        }
        Ok(())
    }
}
