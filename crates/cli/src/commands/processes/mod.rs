//! `oneworker ps`, `oneworker reap` and `oneworker adopt`: the processes of an identity, and those that only look like it.

mod adopt;
mod choice;
mod ending;
mod ps;
mod reap;
mod rows;
mod table;
mod view;
mod watch;

pub(super) use adopt::run as adopt;
pub(super) use ps::{report, run as ps};
pub(super) use reap::run as reap;
