//! The directory of a log, held open. If the state directory is replaced under a daemon, its log
//! must not continue in the new directory.

mod stamp;

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use other as imp;
#[cfg(unix)]
use unix as imp;

pub(super) use imp::LogDirectory;
pub use stamp::Stamp;
