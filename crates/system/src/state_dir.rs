//! Where an identity lives: below the home that the *password database* names.
//!
//! `HOME`, `XDG_STATE_HOME` and `TMPDIR` differ between sessions of one user (Flatpak, sandboxes, `sudo`), and each value would make
//! an identity of its own. The password database has one answer.

use std::path::PathBuf;

use oneworker_protocol::{Name, NoStateDir, config_dir_below, state_dir_below};

use crate::user;

/// The state directory of a name: `~/.local/state/oneworker/<name>`, on macOS
/// `~/Library/Application Support/oneworker/<name>`, on Windows `%LOCALAPPDATA%\oneworker\<name>`; `~` as the password database
/// says.
///
/// # Errors
/// If the user has no home there.
pub fn default_state_dir(name: &Name) -> Result<PathBuf, NoStateDir> {
    Ok(state_dir_below(&user::state_home()?, name))
}

/// The directory of the user's configuration: `~/.config/oneworker`, on macOS `~/Library/Application Support/oneworker`, on Windows
/// `%APPDATA%\oneworker`.
///
/// # Errors
/// If the user has no home.
pub fn default_config_dir() -> Result<PathBuf, NoStateDir> {
    Ok(config_dir_below(&user::config_home()?))
}
