//! What must hold before a change lands: `cargo xtask check` and `cargo xtask ci`.
//!
//! [`steps::STEPS`] is the only list of steps. `.ci/run` and the workflows name steps of it and repeat nothing.

mod dependencies;
mod foreign;
mod lints;
mod msrv;
mod packages;
mod run;
mod scripts;
mod shown;
mod steps;
mod test;
mod verdict;

pub(crate) use run::{CheckArgs, CiArgs, check, ci};
