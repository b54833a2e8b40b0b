//! `oneworker events` and `oneworker explain`: what has happened to an identity, from `lifecycle.db`. Both only read.

mod events;
mod explain;
mod read;
mod sentence;
mod story;

pub(super) use events::{report, run as events};
pub(super) use explain::run as explain;
