//! Where an identity lives: below the home that the *password database* names.
//!
//! `HOME`, `XDG_STATE_HOME` and `TMPDIR` differ between sessions of one user (Flatpak, sandboxes, `sudo`), and each value would make
//! an identity of its own. The password database has one answer.

use std::path::PathBuf;

use thiserror::Error;

use crate::identity::Name;
use crate::system::user;

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

/// The state directory of a name: `~/.local/state/oneworker/<name>`, on macOS
/// `~/Library/Application Support/oneworker/<name>`, on Windows `%LOCALAPPDATA%\oneworker\<name>`; `~` as the password database
/// says.
///
/// # Errors
/// If the user has no home there.
pub fn default_state_dir(name: &Name) -> Result<PathBuf, NoStateDir> {
    Ok(user::state_home()?.join("oneworker").join(name.as_str()))
}

/// The directory of the user's configuration: `~/.config/oneworker`, on macOS `~/Library/Application Support/oneworker`, on Windows
/// `%APPDATA%\oneworker`.
///
/// # Errors
/// If the user has no home.
pub fn default_config_dir() -> Result<PathBuf, NoStateDir> {
    Ok(user::config_home()?.join("oneworker"))
}
