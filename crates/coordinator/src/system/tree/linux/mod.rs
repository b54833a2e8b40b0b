//! The nets below [`super::spawn`]'s own.

mod guardian;
mod proc;
mod sweep;

pub(super) use guardian::guard;
pub(super) use sweep::sweep;
