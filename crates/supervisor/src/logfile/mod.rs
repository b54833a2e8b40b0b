//! A log file of bounded size: appended to, rotated, and never written into a directory that took
//! the place of its own. The logs of children use it, and the daemon's own log.

mod directory;
mod file;
mod limits;
mod rotation;
mod timestamp;

pub(crate) use file::{LogFile, Unwritten};

pub use directory::Stamp;
pub use limits::LogLimits;
pub use rotation::{Destination, Rotation};
pub use timestamp::timestamp;
