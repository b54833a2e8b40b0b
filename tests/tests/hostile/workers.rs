//! Hostile bytes in every file, for real processes: a session gets one worker all the same, and a worker in office puts its files back.

use std::fs;

use coordinator::layout;
use oneworker_tests::{Identity, kill, wait_for, wait_until_gone};
use proptest::prelude::*;

use super::files::{highest_epoch, state_files};
use crate::{BINARY, cases};

#[test]
fn with_hostile_bytes_in_every_file_there_is_one_worker_and_epochs_grow() {
    // Nothing in these files may hold a launch back.
    let identity = Identity::new(BINARY).env("ONEWORKER_BACKOFF_BASE", "0ms");
    let ensure = || identity.ensure().patiently().success();
    ensure();
    proptest!(cases(6), |(before in state_files(), beside in state_files())| {
        for worker in identity.workers() {
            kill(worker);
            wait_until_gone(worker);
        }
        before.iter().for_each(|file| file.put(&identity.state_dir()));
        let highest = highest_epoch(&identity.state_dir());
        let worker = ensure();
        prop_assert!(worker.epoch > highest, "{} after {highest}", worker.epoch);

        let published = [layout::RECORD, layout::PROOF_KEY, layout::TOKEN, layout::PID_FILE];
        let read = || published.map(|name| fs::read(identity.file(name)).unwrap());
        let whole = read();
        beside.iter().for_each(|file| file.put(&identity.state_dir()));
        wait_for("the worker to put its files back", || (read() == whole).then_some(()));
        let again = ensure();
        prop_assert_eq!((again.pid, again.epoch), (worker.pid, worker.epoch));
        identity.wait_until_alone(worker.pid);
    });
}
