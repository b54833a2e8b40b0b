//! What a process has open, where the system shows it.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
use elsewhere as imp;
#[cfg(target_os = "linux")]
use linux as imp;

pub(crate) use imp::{connections, has_tenure, holds, tenures};
