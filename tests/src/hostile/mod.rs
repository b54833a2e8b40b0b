//! Bytes from somebody who means harm, or from a broken disk, and what each reader of ours must make of them.
//!
//! One *feed* for each kind of bytes: it gives them to the code that reads them in earnest, and panics if what comes of it breaks a
//! promise. The property tests, the replay of the corpora and the fuzzers all call these and nothing else.

mod bounds;
mod conversations;
mod event_loop;
mod feeds;
mod office;
mod seeds;

pub use bounds::{Bounds, Counting, bounded};
pub use seeds::{endless_table, http_answers};

use std::time::Duration;

/// What a feed may take, for inputs of a few hundred KiB at most.
pub const BOUNDS: Bounds = Bounds { memory: 8 << 20, sqlite: None, time: Duration::from_secs(5) };

/// What a feed of a history may take. A damaged row can say that it has 4 GiB, and SQLite then sets 68 MB aside to remember where each
/// of its pages lies, once for each cursor; there are two. It reads for a second, writes for a second, and reads again.
pub const HISTORY_BOUNDS: Bounds = Bounds { sqlite: Some(144 << 20), ..BOUNDS };

/// A kind of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of the fuzz target, and of the corpus' folder.
    pub name: &'static str,
    /// Feeds bytes to their reader.
    pub feed: fn(&[u8]),
    /// Some to begin with, most of them valid.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What one feed may take.
    pub bounds: Bounds,
}

macro_rules! targets {
    ($($feeds:ident::$name:ident, $seeds:ident, $bounds:ident;)*) => {
        /// All of them.
        pub const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), feed: $feeds::$name, seeds: seeds::$seeds, bounds: $bounds }),*];
    };
}

targets! {
    feeds::record, records, BOUNDS;
    feeds::launch_note, launch_notes, BOUNDS;
    feeds::suspicion, suspicions, BOUNDS;
    feeds::proof_key, proof_keys, BOUNDS;
    feeds::health_answer, health_answers, BOUNDS;
    feeds::readiness_message, readiness_messages, BOUNDS;
    feeds::configuration, configurations, BOUNDS;
    feeds::lifecycle_db, lifecycle_dbs, HISTORY_BOUNDS;
    feeds::lifecycle_journal, lifecycle_journals, HISTORY_BOUNDS;
    feeds::challenge, challenges, BOUNDS;
    feeds::observations, observations, BOUNDS;
    conversations::token, tokens, BOUNDS;
    conversations::bearer, bearers, BOUNDS;
    conversations::request, requests, BOUNDS;
    conversations::answer, answers, BOUNDS;
}

impl Target {
    /// The target of this name.
    ///
    /// # Panics
    /// If there is none.
    pub fn named(name: &str) -> Self {
        *TARGETS.iter().find(|target| target.name == name).expect("a target of this name")
    }
}

/// Gives bytes to the feed of this name, within its bounds: all that a fuzz target does. That it ends at all is for the fuzzer to see.
///
/// # Panics
/// If a promise is broken, or there is no such feed.
pub fn feed(name: &str, bytes: &[u8]) {
    let target = Target::named(name);
    target.bounds.hold(&bytes, || (target.feed)(bytes));
}
