//! Standard error, where the log goes. It is written to directly, without a lock or a buffer.
//!
//! Writing the log must never stop a worker. A full disk is ignored. A pipe or a terminal that is
//! not read (a pager, Ctrl-S) would block the event loop until the watchdog ends the process. So
//! lines that cannot be written at once are dropped, and counted.

mod lines;
#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use other as imp;
#[cfg(unix)]
use unix as imp;

pub(crate) use imp::{redirect, stamp};
pub(crate) use lines::{LogLines, last_words};
