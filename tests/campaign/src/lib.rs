//! Chaos on real processes: rounds of random sessions and random faults, a history of each, and a checker that judges it.
//!
//! | module | subject |
//! | --- | --- |
//! | `program` | what is put to the test: how it is called, how its answers are read |
//! | `plan`, `rng` | what a round does, drawn from its seed |
//! | `site`, `port` | a round's directories, install paths, commands and port |
//! | `round`, `calls` | carrying a plan out, and bringing the round to rest |
//! | `faults`, `squatter` | each fault |
//! | `sampler` | who was alive when, and how much the machine stalls |
//! | `bystander`, `sweeper` | the processes beside it: one that nobody may touch, one that ends what a dead campaign leaves |
//! | `history` | the file that everybody writes to |
//! | `checker` | what must not be in it |
//! | `campaign`, `interrupt` | rounds until the time is up |
//! | `summary`, `violation` | what is printed of them |

// All of this package is test code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

pub mod bystander;
pub mod calls;
pub mod campaign;
pub mod checker;
pub mod faults;
pub mod history;
mod interrupt;
pub mod plan;
pub mod port;
pub mod program;
pub mod rng;
pub mod round;
pub mod sampler;
pub mod site;
mod squatter;
pub mod summary;
pub mod sweeper;
pub mod violation;
