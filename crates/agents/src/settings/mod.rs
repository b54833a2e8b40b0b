//! Settings files of agents: what is added can be removed again to the byte, and nothing else changes.

mod commands;
mod document;
mod file;
mod hooks;
mod insert;
mod layout;
mod remove;

pub use commands::{commands, replace_command};
pub use document::DocumentError;
pub use file::{FileError, FileProblem, WrittenFile, difference};
pub use hooks::{add, remove};
pub use layout::Hook;
