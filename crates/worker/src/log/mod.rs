//! The worker's log: lines with UTC times on standard error, which the launcher has redirected to a
//! file, and that file's rotation.

mod level;
mod rotation;
mod start;

pub use level::{LogLevel, UnknownLevel};
pub(crate) use rotation::{StandardError, rotation};
pub(crate) use start::start;
