//! The fence, as whoever embeds it uses it, on a disk whose power fails: a claim that was reported as done is remembered, epochs never go back,
//! and what was committed is there.

#![allow(missing_docs, reason = "the names say it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can not go on has failed")]

use std::path::PathBuf;
use std::time::Duration;

use coordinator::Epoch;
use coordinator::fence::{Fence, FenceError, FencedConnection};
use oneworker_disk::Disk;
#[cfg(all(oneworker_test, debug_assertions))]
use oneworker_sabotage::{Sabotage, switch_on};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use rusqlite::Connection;

const PATIENCE: Duration = Duration::from_millis(5);

#[derive(Clone, Debug)]
enum Step {
    /// A tenure of an epoch that is so much higher takes office, and connects.
    Claim(u64),
    /// One of the tenures that there have been, the last one first, commits a row.
    Write(usize),
    /// It ends.
    Leave(usize),
    /// It writes the log into the database.
    Checkpoint(usize),
    /// Somebody asks which epoch is the highest.
    Look,
    /// The power fails after so many operations more; then the disk is as this number says.
    FailIn(usize, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1_u64..4).prop_map(Step::Claim),
        5 => (0_usize..3).prop_map(Step::Write),
        1 => (0_usize..3).prop_map(Step::Leave),
        1 => (0_usize..3).prop_map(Step::Checkpoint),
        1 => Just(Step::Look),
        3 => (prop_oneof![0_usize..10, 0_usize..60], any::<u64>()).prop_map(|(n, seed)| Step::FailIn(n, seed)),
    ]
}

/// A machine, and what is known of its database.
struct Machine {
    disk: Disk,
    seed: u64,
    tenures: Vec<(u64, FencedConnection)>,
    /// The highest epoch whose claim was reported as done, and the highest that was tried.
    claimed: u64,
    tried: u64,
    /// What was committed, by number, and what may have been.
    committed: Vec<i64>,
    in_doubt: Vec<i64>,
    next: i64,
}

impl Machine {
    fn new() -> Self {
        Self {
            disk: Disk::with_cache().unwrap(),
            seed: 0,
            tenures: Vec::new(),
            claimed: 0,
            tried: 0,
            committed: Vec::new(),
            in_doubt: Vec::new(),
            next: 0,
        }
    }

    fn path(&self) -> PathBuf {
        self.disk.path("own.db")
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Claim(by) => self.claim(by + self.tried),
            Step::Write(n) => self.write(*n),
            Step::Leave(n) => drop(self.nth(*n).map(|n| self.tenures.remove(n))),
            Step::Checkpoint(n) => {
                if let Some(n) = self.nth(*n) {
                    let _ = self.tenures[n].1.execute_batch("PRAGMA wal_checkpoint (TRUNCATE)");
                }
            }
            Step::Look => self.look(),
            Step::FailIn(n, seed) => {
                self.seed = *seed;
                self.disk.fail_at(self.disk.operations() + 1 + n);
            }
        }
        if self.disk.is_dead() {
            self.fail();
        }
    }

    /// The last but so many.
    fn nth(&self, n: usize) -> Option<usize> {
        self.tenures.len().checked_sub(1 + n)
    }

    /// Both sync the directory by themselves, which the disk can't see.
    fn claim(&mut self, epoch: u64) {
        self.tried = epoch;
        let claimed = Fence::claim(&self.path(), Epoch(epoch), PATIENCE);
        self.disk.sync_directory();
        if self.disk.is_dead() {
            return;
        }
        let fence = claimed.unwrap();
        self.claimed = epoch;
        let connected = fence.connect();
        self.disk.sync_directory();
        let made = connected.and_then(|db| {
            db.execute_batch("CREATE TABLE IF NOT EXISTS notes (n INTEGER PRIMARY KEY, epoch INTEGER)")?;
            Ok(db)
        });
        match made {
            Ok(db) => self.tenures.push((epoch, db)),
            Err(error) => assert!(self.disk.is_dead(), "{error}"),
        }
    }

    fn write(&mut self, n: usize) {
        let Some(n) = self.nth(n) else { return };
        let (epoch, db) = &self.tenures[n];
        self.next += 1;
        match db.execute("INSERT INTO notes VALUES (?1, ?2)", (self.next, epoch.cast_signed())) {
            Ok(_) => {
                assert_eq!(*epoch, self.claimed, "a row of an earlier tenure was committed");
                self.committed.push(self.next);
            }
            Err(_) if self.disk.is_dead() => self.in_doubt.push(self.next),
            Err(error) => {
                let explained = db.explain(error);
                let superseded = matches!(explained, FenceError::Superseded { .. });
                assert!(superseded && *epoch < self.claimed, "epoch {epoch}: {explained}");
            }
        }
    }

    fn look(&self) {
        let highest = Fence::highest(&self.path());
        if !self.disk.is_dead() {
            let highest = highest.unwrap().map_or(0, |epoch| epoch.0);
            let may_be = self.claimed..=self.tried;
            assert!(may_be.contains(&highest), "the fence is at {highest}, not in {may_be:?}");
        }
    }

    /// The power fails, and comes back.
    fn fail(&mut self) {
        self.disk.cut_power();
        self.tenures.clear();
        self.disk = self.disk.after_power_failure(self.seed).unwrap();
        self.look();
        let highest = Fence::highest(&self.path()).unwrap();
        self.claimed = highest.map_or(0, |epoch| epoch.0);
        if let Some(epoch) = highest {
            let refused = Fence::claim(&self.path(), epoch, PATIENCE).unwrap_err();
            assert!(matches!(refused, FenceError::Superseded { .. }), "{refused}");
        }
        self.check_rows();
    }

    fn check_rows(&mut self) {
        let db = Connection::open(self.path()).unwrap();
        db.execute_batch("PRAGMA fullfsync = on").unwrap();
        let whole: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(whole, "ok");
        let mut rows: Vec<(i64, u64)> = Vec::new();
        if db.table_exists(None, "notes").unwrap() {
            let mut query = db.prepare("SELECT n, epoch FROM notes ORDER BY n").unwrap();
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()));
            rows = query.query_map([], row).unwrap().map(Result::unwrap).collect();
        }
        assert!(rows.iter().map(|(_, epoch)| epoch).is_sorted(), "{rows:?}");
        let found: Vec<i64> = rows.iter().map(|(n, _)| *n).collect();
        assert!(self.committed.iter().all(|n| found.contains(n)), "lost: {:?} {found:?}", self.committed);
        let known = |n: &i64| self.committed.contains(n) || self.in_doubt.contains(n);
        assert!(found.iter().all(known), "invented: {found:?}");
        self.in_doubt.clear();
        self.committed = found;
    }
}

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

/// Tells stories, each made from one number; the first that breaks, as small as it can be.
fn tell() -> Result<(), String> {
    let (first, stories) = (number("DISK_SEED", 0), number("DISK_STORIES", 500));
    let story = (proptest::collection::vec(step(), 1..25), any::<u64>());
    for number in first..first + stories {
        let rng_seed = RngSeed::Fixed(number);
        let config = ProptestConfig {
            cases: 1,
            max_shrink_iters: 1000,
            rng_seed,
            failure_persistence: None,
            ..Default::default()
        };
        let told = TestRunner::new(config).run(&story, |(steps, seed)| {
            let mut machine = Machine::new();
            steps.iter().for_each(|step| machine.step(step));
            machine.seed = seed;
            machine.fail();
            Ok(())
        });
        told.map_err(|broken| format!("{broken}\nDISK_SEED={number} DISK_STORIES=1 repeats it"))?;
    }
    Ok(())
}

#[test]
fn claims_and_commits_that_were_reported_as_done_are_remembered() {
    if let Err(broken) = tell() {
        panic!("{broken}");
    }
}

#[cfg(all(oneworker_test, debug_assertions))]
#[test]
fn a_claim_that_is_not_synced_is_noticed() {
    let _unsynced = switch_on(Sabotage::ClaimNotSynced);
    let broken = tell().unwrap_err();
    assert!(broken.contains("the fence is at") || broken.contains("lost:"), "{broken}");
}
