//! Starting workers, detached: nothing of the session is left in the worker, and nothing of the worker in the session.
//!
//! The worker must not be the session's child (it would become a zombie in a session that lives for hours, and be ended with its
//! process tree), and yet its exit status must reach the session while it starts. On Unix there is a *monitor* in between for the time
//! of the start; Windows needs none.

use std::ffi::OsString;

use async_trait::async_trait;

use crate::machine::{ElectionGuard, LaunchError, Launched, Launcher};
use crate::spec::{LaunchCommand, WorkerSpec};

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod imp;

/// Starts real processes.
pub(super) struct SystemLauncher;

#[async_trait]
impl Launcher for SystemLauncher {
    async fn launch(
        &self,
        spec: &WorkerSpec,
        _elected: &dyn ElectionGuard,
    ) -> Result<Box<dyn Launched>, LaunchError> {
        imp::launch(spec)
    }
}

/// What of the session's environment a worker gets without being asked for: where programs and the user are, language and time zone.
/// No secrets, no proxies, no directory of the session.
const ENVIRONMENT: &[&str] = &[
    "PATH",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "XDG_RUNTIME_DIR",
    "RUST_BACKTRACE",
    "ONEWORKER_LOG",
    // Windows programs do not start without some of these.
    "SystemRoot",
    "SystemDrive",
    "windir",
    "ComSpec",
    "PATHEXT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
    "USERDOMAIN",
    "APPDATA",
    "LOCALAPPDATA",
    "ProgramData",
    "ProgramFiles",
    "HOMEDRIVE",
    "HOMEPATH",
    // How Wine tells its own processes where they are.
    "WINEPREFIX",
    "WINEDEBUG",
    "WINEDLLOVERRIDES",
];

/// The worker's environment.
fn environment(command: &LaunchCommand) -> Vec<(OsString, OsString)> {
    // On Windows, names mean the same in either case: `Path`, `SYSTEMROOT`.
    let same = |a: &str, b: &str| if cfg!(windows) { a.eq_ignore_ascii_case(b) } else { a == b };
    let allowed = |name: &str| {
        ENVIRONMENT.iter().any(|known| same(known, name))
            || name.starts_with("LC_")
            || cfg!(feature = "failpoints") && name == "ONEWORKER_FAILPOINTS"
            || command.env_pass.iter().any(|pass| same(pass, name))
    };
    let mut variables: Vec<_> =
        std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(allowed)).collect();
    #[cfg(unix)]
    if let Ok(home) = super::user::home() {
        variables.push(("HOME".into(), home.into()));
    }
    variables.extend(command.env_set.iter().map(|(name, value)| (name.into(), value.clone())));
    variables
}
