//! Tests on real processes, by what goes wrong: `docs/testing.md` says which of them shows what.
//!
//! One program for all of them: each test program is linked with the whole product and its database. Those that count what belongs to a whole
//! process, or bring an allocator, are programs of their own.

#![allow(missing_docs, reason = "the names say it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can not go on has failed")]

use oneworker_tests::Identity;

/// Tests that make the same check of different things.
macro_rules! each {
    ($check:ident: $(fn $name:ident = $argument:expr;)*) => { $(#[test] fn $name() { $check($argument); })* };
}

mod adoption;
mod bundles;
mod data;
mod doctor;
mod documentation;
mod histories;
mod hooks;
mod logs;
mod mess;
mod packages;
mod purge;
mod recording;
mod storms;
mod strays;
mod supervised;
mod terminals;

/// From nothing to one worker.
mod starting {
    mod by_hand;
    mod crash_loops;
    mod crowds;
    mod deadlines;
    mod starter_faults;
    mod storm;
    mod storm_property;
}

/// Installs and protocols side by side.
mod versions {
    mod chosen;
    mod fresh_workers;
    mod handover;
    mod load;
    mod protocols;
    mod rollback;
    mod successors;
}

/// Alive, hung, dead.
mod liveness {
    mod dead_workers;
    mod hung_workers;
    mod sleep;
    mod slow_workers;
    mod stop;
    mod strangers;
    mod stuck_starts;
    mod zombies;
}

/// The identity's port, and who else is there.
mod ports {
    mod activated;
    mod addresses;
    mod impostors;
    mod inherited;
    mod taken;
}

/// What lies in the state directory, and what becomes of it.
mod state_dir {
    mod damaged_files;
    mod election_lock;
    mod epochs;
    mod full_disk;
    mod history;
    mod leftovers;
    mod lost_directory;
    mod rights;
    mod tenure_lock;

    /// Any free port; no launch is ever held back, since these tests end many workers.
    fn identity() -> oneworker_tests::Identity {
        crate::identity().without_backoff()
    }
}

/// What the system refuses, and what the worker must not take along.
mod surroundings {
    mod containers;
    mod dates;
    mod detachment;
    mod namespaces;
    mod sandboxes;
}

const BINARY: &str = env!("CARGO_BIN_EXE_oneworker-under-test");
const ANY_PROTOCOL: &str = env!("CARGO_BIN_EXE_any-protocol");
const FORKED_HOLDER: &str = env!("CARGO_BIN_EXE_forked-holder");
const UNMANAGED: &str = env!("CARGO_BIN_EXE_unmanaged");
const STUCK_WRITER: &str = env!("CARGO_BIN_EXE_stuck-writer");

/// An identity of this test's own, with any free port.
fn identity() -> Identity {
    Identity::new(BINARY)
}
