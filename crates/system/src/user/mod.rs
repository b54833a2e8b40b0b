//! Who this user is, and where the system says that user's home is.

#[cfg(target_os = "freebsd")]
mod freebsd;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;
#[cfg(target_os = "freebsd")]
use freebsd as imp;
#[cfg(target_os = "linux")]
use linux as imp;
#[cfg(target_os = "macos")]
use macos as imp;
#[cfg(windows)]
use windows as imp;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod passwd;

#[cfg(unix)]
pub(crate) use imp::home;
pub(crate) use imp::{config_home, id, state_home};
