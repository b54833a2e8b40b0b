#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod agent;
mod dialect;
mod known;
mod payload;
mod registry;
pub mod settings;

pub use agent::{Agent, Installable};
pub use dialect::{Dialect, Moment};
pub use payload::{Payload, PayloadError};
pub use registry::{Registry, Scope};
