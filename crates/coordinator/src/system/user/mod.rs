//! Who this user is, and where the system says that user's home is.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(target_os = "macos", path = "macos.rs")]
#[cfg_attr(target_os = "freebsd", path = "freebsd.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod imp;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod passwd;

#[cfg(unix)]
pub(crate) use imp::home;
pub(crate) use imp::{config_home, id, state_home};
