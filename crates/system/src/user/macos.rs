use std::path::PathBuf;

pub(crate) use super::passwd::{home, id};
use oneworker_protocol::NoStateDir;

pub(crate) fn state_home() -> Result<PathBuf, NoStateDir> {
    Ok(home()?.join("Library/Application Support"))
}

/// The same folder as the state's: macOS has one for both (File System Programming Guide, "macOS Library Directory Details").
pub(crate) fn config_home() -> Result<PathBuf, NoStateDir> {
    state_home()
}
