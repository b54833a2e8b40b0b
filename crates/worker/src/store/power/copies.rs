//! A power failure in each operation of a backup and of a restore: there is the old one or the new
//! one, and after its end the new one.

use coordinator::Epoch;
use coordinator::fence::Fence;
use oneworker_disk::Disk;

use super::found;
use super::ledger::Ledger;
use super::machine::{Machine, observation};
use crate::store::{backup, restore};

const POSSIBILITIES: u64 = 3;

/// A disk with a database of some observations, a backup of fewer, and what is known of both.
struct Both {
    disk: Disk,
    database: Ledger,
    backup: Ledger,
}

async fn both(disk: Disk) -> Both {
    let mut machine = Machine::new(disk, true);
    let store = machine.open().await.unwrap().unwrap();
    machine.add(&store, &[(0..7).map(|n| observation(&n.to_string())).collect()]).await.unwrap();
    backup(&machine.database(), &machine.disk.path("backup.db")).unwrap();
    let kept = machine.ledger.clone();
    machine.remove(&store, "1").await.unwrap();
    machine.add(&store, &[(7..19).map(|n| observation(&n.to_string())).collect()]).await.unwrap();
    store.close().await;
    machine.disk.sync_file("backup.db");
    machine.disk.sync_directory();
    Both { disk: machine.disk, database: machine.ledger, backup: kept }
}

/// The same disk again, with nothing under way.
fn again(both: &Both) -> Disk {
    both.disk.after_power_failure(0).unwrap()
}

/// Does it with a failure in each operation, and after the last; `check` is told whether it was
/// done.
fn failing_everywhere(
    both: &Both,
    work: impl Fn(&Disk) -> Result<(), crate::StoreError>,
    check: impl Fn(&Disk, bool) -> Result<(), String>,
) -> usize {
    for operation in 1.. {
        let disk = again(both);
        disk.fail_at(operation);
        let done = work(&disk);
        let dead = disk.is_dead();
        assert!(dead || done.is_ok(), "failed with the power on: {done:?}");
        // The dead tell nobody.
        let done = !dead;
        for possibility in 0..POSSIBILITIES {
            let left = disk.after_power_failure(possibility).unwrap();
            let checked = check(&left, done).and_then(|()| {
                work(&left).map_err(|error| format!("failed the second time: {error}"))?;
                check(&left, true)
            });
            if let Err(what) = checked {
                panic!(
                    "operation {operation}, possibility {possibility}: {what}\n  {}",
                    disk.log().join("\n  ")
                );
            }
        }
        if done {
            return operation;
        }
    }
    0
}

fn is(disk: &Disk, name: &str, ledger: &Ledger) -> Result<(), String> {
    ledger.judge(&found::look(&disk.path(name))?)
}

#[tokio::test]
async fn a_restore_leaves_the_old_or_the_new_database_and_the_new_one_once_it_is_done() {
    let both = both(Disk::with_cache().unwrap()).await;
    let epoch = Epoch(both.database.tried + 1);
    let operations = failing_everywhere(
        &both,
        |disk| match Fence::highest(&disk.path("worker.db"))? {
            // The second time, with an epoch that is higher still.
            Some(highest) if highest >= epoch => {
                restore(&disk.path("backup.db"), &disk.path("worker.db"), Epoch(highest.0 + 1))
            }
            _ => restore(&disk.path("backup.db"), &disk.path("worker.db"), epoch),
        },
        |disk, done| {
            let highest = Fence::highest(&disk.path("worker.db")).map_err(|error| error.to_string())?;
            let new = highest >= Some(epoch);
            if done && !new {
                return Err(format!("the restore is lost: the fence is at {highest:?}"));
            }
            is(disk, "backup.db", &both.backup)?;
            is(disk, "worker.db", if new { &both.backup } else { &both.database })
        },
    );
    println!("{operations} operations");
    assert!(operations > 20, "{operations}");
}

#[tokio::test]
async fn a_restore_where_there_was_no_database_leaves_none_or_the_new_one() {
    let both = both(Disk::with_cache().unwrap()).await;
    let operations = failing_everywhere(
        &both,
        |disk| restore(&disk.path("backup.db"), &disk.path("other.db"), Epoch(9)),
        |disk, done| {
            is(disk, "backup.db", &both.backup)?;
            let highest = Fence::highest(&disk.path("other.db")).map_err(|error| error.to_string())?;
            match highest {
                Some(_) => is(disk, "other.db", &both.backup),
                None if done => Err("the restore is lost".to_owned()),
                None => Ok(()),
            }
        },
    );
    assert!(operations > 20, "{operations}");
}

#[tokio::test]
async fn a_backup_leaves_the_old_or_the_new_file() {
    let both = both(Disk::new().unwrap()).await;
    let operations = failing_everywhere(
        &both,
        |disk| backup(&disk.path("worker.db"), &disk.path("backup.db")).map(|_| disk.sync_directory()),
        |disk, done| {
            let new = is(disk, "backup.db", &both.database);
            is(disk, "worker.db", &both.database)?;
            if done || new.is_ok() { new } else { is(disk, "backup.db", &both.backup) }
        },
    );
    assert!(operations > 5, "{operations}");
}
