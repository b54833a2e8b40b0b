//! The environment of a started worker.

use std::ffi::OsString;

use oneworker_protocol::LaunchCommand;

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

/// What switches failpoints and sabotages on, in test builds.
const OF_TESTS: [&str; 2] = ["ONEWORKER_FAILPOINTS", "ONEWORKER_SABOTAGE"];

/// What a program gets of this process's environment if it is started by this command: an allow-list (where programs and the user are,
/// language, time zone), and what the command names.
pub fn environment(command: &LaunchCommand) -> Vec<(OsString, OsString)> {
    // On Windows, names mean the same in either case: `Path`, `SYSTEMROOT`.
    let same = |a: &str, b: &str| if cfg!(windows) { a.eq_ignore_ascii_case(b) } else { a == b };
    let allowed = |name: &str| {
        ENVIRONMENT.iter().any(|known| same(known, name))
            || name.starts_with("LC_")
            || cfg!(all(oneworker_test, debug_assertions)) && OF_TESTS.contains(&name)
            || command.env_pass.iter().any(|pass| same(pass, name))
    };
    let mut variables: Vec<_> =
        std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(allowed)).collect();
    #[cfg(unix)]
    if let Ok(home) = crate::user::home() {
        variables.push(("HOME".into(), home.into()));
    }
    variables.extend(command.env_set.iter().map(|(name, value)| (name.into(), value.clone())));
    variables
}
