//! The disk is full: that is named, nothing half-written is left, and a worker in office goes on.

use std::fs;

use oneworker_tests::{AT_ONCE, Identity, Tmpfs, is_alive, needs_root, stop, wait_until_gone};

use crate::identity;

fn small_disk(identity: &Identity) -> Option<Tmpfs> {
    if needs_root() {
        return None;
    }
    Tmpfs::mount(&identity.state_dir(), "512k")
        .map_err(|why| eprintln!("skipped: this system forbids mounting: {why}"))
        .ok()
}

#[test]
fn a_full_disk_is_named_leaves_nothing_half_written_and_is_forgotten_when_there_is_room() {
    let identity = identity();
    let Some(disk) = small_disk(&identity) else { return };
    disk.fill();
    let failure = identity.patient_ensure().failure();
    let code = failure.error["worker_code"].as_str().unwrap_or(&failure.code);
    assert_eq!(code, "state_dir", "{:?}", failure.error);
    assert!(failure.error["message"].as_str().unwrap().contains("No space left"), "{:?}", failure.error);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    for entry in fs::read_dir(identity.state_dir()).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        assert!(!name.starts_with(".tmp-"), "{name} was left");
        assert!(
            !["worker.json", "epoch", "token", "proof.key", "launch.json"].contains(&name.as_str()),
            "{name} was left"
        );
    }
    disk.clear();
    assert_eq!(identity.patient().epoch, 1);
}

#[test]
fn a_worker_goes_on_serving_when_the_disk_fills_and_stops_in_good_order() {
    let identity = identity();
    let Some(disk) = small_disk(&identity) else { return };
    let worker = identity.patient();
    disk.fill();
    for _ in 0..5 {
        let answer = identity.patient();
        assert_eq!((answer.pid, answer.outcome.as_str()), (worker.pid, "reused"));
    }
    identity.stop();
    wait_until_gone(worker.pid);
    disk.clear();
    assert_eq!(identity.patient().epoch, 2);
}

#[test]
fn a_hung_worker_is_replaced_on_a_full_disk_too_as_soon_as_there_is_room() {
    let identity = identity().hang_limit("2s");
    let Some(disk) = small_disk(&identity) else { return };
    let worker = identity.patient();
    disk.fill();
    stop(worker.pid);
    let failure = identity.patient_ensure().failure();
    assert_eq!(failure.error["worker_code"], "state_dir", "{:?}", failure.error);
    assert!(!is_alive(worker.pid));
    disk.clear();
    assert_eq!(identity.patient().epoch, 2);
}
