//! Trees of processes: what a worker starts ends with it, whatever it does to stay.

#![cfg(target_os = "linux")]
#![allow(missing_docs, reason = "the names say it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can not go on has failed")]

mod ending;
mod random_kills;
mod remains;
mod spawning;
mod tree;
