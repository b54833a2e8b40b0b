//! Whatever lies in a file or comes over a connection: no reader panics, none takes longer than its deadline or more memory than a
//! fixed bound, and there is still exactly one worker.
//!
//! `PROPTEST_CASES` raises the numbers of cases; a failing case prints its seed. See `docs/testing.md`.

#![allow(missing_docs, reason = "the names say it")]
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod hostile {
    pub(crate) mod mutation;

    mod answers;
    mod channel;
    mod corpora;
    mod files;
    mod histories;
    mod readers;
    mod requests;
    mod workers;
}

use proptest::test_runner::Config;

const BINARY: &str = env!("CARGO_BIN_EXE_oneworker-under-test");

#[global_allocator]
static MEMORY: oneworker_tests::hostile::Counting = oneworker_tests::hostile::Counting;

/// So many cases, or as many times more as `PROPTEST_CASES` is than proptest's own 256.
fn cases(usual: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse::<u32>().ok()).unwrap_or(256);
    let cases = u32::try_from(u64::from(usual) * u64::from(asked) / 256).unwrap_or(u32::MAX).max(1);
    // A case that fails by a deadline takes that long each time that it is tried to be made smaller.
    Config {
        cases,
        max_shrink_iters: 256,
        max_shrink_time: 60_000,
        failure_persistence: None,
        ..Config::default()
    }
}

/// An event loop on the calling thread.
fn event_loop() -> tokio::runtime::Runtime {
    coordinator::blocking::event_loop().unwrap()
}
