//! Files of state directories. Reads are bounded and never wait (a FIFO put in a file's place is refused); writes take effect in
//! one step, by renaming a whole file into place.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(unix)]
use unix as imp;
#[cfg(windows)]
use windows as imp;

mod network;
mod shared;

pub(super) use imp::*;
