//! The nets below [`super::spawn`]'s own.

mod guardian;
mod proc;
mod sweep;

pub(super) use guardian::{guard, outlive_guardian};
pub(super) use sweep::sweep;
