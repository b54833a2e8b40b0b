//! Where an identity lives, below a user's home. Which home that is, the system says.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::identity::Name;

/// No state directory was named, and the user has no home to derive one from.
#[derive(Debug, Error)]
#[error(
    "no home directory for user {user} in the password database ({why}): name a state directory (--state-dir or ONEWORKER_STATE_DIR)"
)]
pub struct NoStateDir {
    /// The user.
    pub user: String,
    /// What was missing.
    pub why: String,
}

/// The folder of all state directories, below the folder that the system has for programs' state.
const FOLDER: &str = "oneworker";

/// The state directory of a name, below the folder in which programs keep their state.
pub fn state_dir_below(state_home: &Path, name: &Name) -> PathBuf {
    state_home.join(FOLDER).join(name.as_str())
}

/// The directory of the configuration, below the folder in which programs keep theirs.
pub fn config_dir_below(config_home: &Path) -> PathBuf {
    config_home.join(FOLDER)
}
