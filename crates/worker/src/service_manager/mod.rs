//! Reports to the service manager: `sd_notify(3)`. Without a manager nothing is reported.
//!
//! A failed report is no error of the worker. The manager then acts by its own time-outs.

#[cfg(target_os = "linux")]
mod linux;
mod manager;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
use linux as imp;
#[cfg(not(target_os = "linux"))]
use other as imp;

pub(crate) use manager::ServiceManager;
