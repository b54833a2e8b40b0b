use std::path::PathBuf;

pub(crate) use super::passwd::{home, id};
use oneworker_protocol::NoStateDir;

pub(crate) fn state_home() -> Result<PathBuf, NoStateDir> {
    Ok(home()?.join(".local/state"))
}

pub(crate) fn config_home() -> Result<PathBuf, NoStateDir> {
    Ok(home()?.join(".config"))
}
