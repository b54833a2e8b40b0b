//! Starting workers, detached: nothing of the session is left in the worker, and nothing of the worker in the session.
//!
//! The worker must not be the session's child (it would become a zombie in a session that lives for hours, and be ended with its
//! process tree), and yet its exit status must reach the session while it starts. On Unix there is a *monitor* in between for the time
//! of the start; Windows needs none.

use std::ffi::OsString;

use async_trait::async_trait;

use oneworker_protocol::machine::{ElectionGuard, LaunchError, Launched, Launcher, WorkerReport};
use oneworker_protocol::{EnsureRequest, LaunchCommand};

#[cfg(target_os = "linux")]
pub(crate) mod systemd;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(unix)]
use unix as imp;
#[cfg(windows)]
use windows as imp;

/// Starts real processes.
pub(super) struct SystemLauncher;

#[async_trait]
impl Launcher for SystemLauncher {
    async fn launch(
        &self,
        request: &EnsureRequest,
        _elected: &dyn ElectionGuard,
    ) -> Result<Box<dyn Launched>, LaunchError> {
        imp::launch(request)
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
    if let Ok(home) = super::user::home() {
        variables.push(("HOME".into(), home.into()));
    }
    variables.extend(command.env_set.iter().map(|(name, value)| (name.into(), value.clone())));
    variables
}

/// The longest line that a worker may report.
const MAX_REPORT: usize = 16 * 1024;

/// What a worker has said over its readiness channel, as far as it was not yet understood.
#[derive(Default)]
struct Spoken(Vec<u8>);

impl Spoken {
    /// The next report. A line that is none comes from a program that does not know what this channel is for, and is passed over.
    fn next_report(&mut self) -> Option<WorkerReport> {
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.0.drain(..=end).collect();
            if let Ok(report) = serde_json::from_slice(&line) {
                return Some(report);
            }
        }
        None
    }

    /// Whether the line that has begun can't become a report any more.
    fn is_babble(&self) -> bool {
        self.0.len() > MAX_REPORT
    }
}

/// What is understood of a channel's bytes, read in these pieces: for tests that have no process at hand.
#[doc(hidden)]
pub fn reports_in<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<WorkerReport> {
    let (mut spoken, mut reports) = (Spoken::default(), Vec::new());
    for piece in pieces {
        spoken.0.extend_from_slice(piece);
        if spoken.is_babble() {
            break;
        }
        reports.extend(std::iter::from_fn(|| spoken.next_report()));
    }
    reports
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneworker_protocol::Epoch;

    #[test]
    fn a_report_is_found_between_lines_that_are_none() {
        let mut spoken = Spoken(
            b"Listening on 8080\n{}\n{\"event\":\"ready\",\"epoch\":7,\"new\":1}\n{\"event\"".to_vec(),
        );
        assert_eq!(spoken.next_report(), Some(WorkerReport::Ready { epoch: Epoch(7) }));
        assert_eq!(spoken.next_report(), None);
        assert_eq!(spoken.0, b"{\"event\"", "half a line waits for its other half");
        assert!(!spoken.is_babble());
        spoken.0.resize(MAX_REPORT + 1, b'x');
        assert!(spoken.is_babble());
    }
}
