//! A short story, and a power failure in each of its operations.

use oneworker_disk::Disk;

use super::machine::{Machine, observation};

/// So many possibilities for each.
const POSSIBILITIES: u64 = 4;

/// An empty disk, an inbox, a checkpoint, and a worker that takes over.
async fn short_story(machine: &mut Machine) -> Result<(), String> {
    let Some(store) = machine.open().await? else { return Ok(()) };
    machine.add(&store, &[vec![observation("0"), observation("5")]]).await?;
    machine.add(&store, &[vec![observation("1")], vec![observation("2"), observation("3")]]).await?;
    machine.lease(&store, "a", true).await?;
    store.close().await;
    drop(store);
    if machine.disk.is_dead() {
        return Ok(());
    }
    let Some(store) = machine.open().await? else { return Ok(()) };
    machine.remove(&store, "0").await?;
    machine.add(&store, &[vec![observation("4")]]).await?;
    machine.lease(&store, "a", false).await?;
    store.close().await;
    Ok(())
}

async fn failing_at(operation: usize, possibility: u64) -> Result<bool, String> {
    let mut machine = Machine::new(Disk::with_cache().unwrap(), true);
    machine.checkpoint = 8;
    machine.disk.fail_at(operation);
    short_story(&mut machine).await?;
    let over = !machine.disk.is_dead();
    machine.disk = machine.disk.after_power_failure(possibility).unwrap();
    if possibility.is_multiple_of(2) {
        // Once more, while it recovers.
        machine.disk.fail_at(1 + (operation + possibility as usize) % 12);
        machine.recover().await?;
        machine.disk = machine.disk.after_power_failure(possibility).unwrap();
    }
    match machine.recover().await? {
        Some(_) => machine.check().map(|_| over),
        None => Err("dead with the power on".to_owned()),
    }
}

#[tokio::test]
async fn a_power_failure_in_any_operation_of_a_short_story_loses_nothing() {
    let mut operation = 0;
    let mut over = false;
    while !over {
        operation += 1;
        for possibility in 0..POSSIBILITIES {
            match failing_at(operation, possibility).await {
                Ok(end) => over = end,
                Err(what) => panic!("operation {operation}, possibility {possibility}: {what}"),
            }
        }
    }
    println!("{} power failures", operation as u64 * POSSIBILITIES);
    assert!(operation > 40, "{operation}");
}
