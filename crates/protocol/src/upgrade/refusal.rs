//! Why a version may not replace another, in words.

use std::time::Duration;

use semver::Version;

use super::ledger::DAY;
use crate::machine::Pid;

/// Why a version may not replace another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It did so already, so long ago.
    OnceADay { ago: Duration },
    /// The one in office has replaced it.
    Replaced,
    /// A person has chosen the one in office, so long ago.
    Chosen { ago: Duration },
    /// There were too many hand-overs.
    TooMany { per_hour: u32, retry_in: Duration },
    /// It has failed too often.
    Bad { failures: u32, why: String, log_tail: String, retry_in: Duration },
    /// Another hand-over is under way, to this process.
    UnderWay { version: Version, pid: Pid },
    /// Nothing could be noted, so it could happen without end.
    NotNoted(String),
}

impl Refusal {
    /// In words, to go on with after the names of the versions.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::OnceADay { ago } => {
                format!("it has replaced one {} ago, and does so once a day", coarse(*ago))
            }
            Self::Replaced => {
                "the one in office has replaced it, and that is not undone within a day".to_owned()
            }
            Self::Chosen { ago } => {
                format!(
                    "the one in office was chosen by hand {} ago, and that counts for a day",
                    coarse(*ago)
                )
            }
            Self::TooMany { per_hour, .. } => format!("there were {per_hour} hand-overs within an hour"),
            Self::Bad { failures, why, .. } => format!("it has failed {failures} times; the last: {why}"),
            Self::UnderWay { version, pid } => {
                format!("it is about to hand over to version {version} (pid {pid})")
            }
            Self::NotNoted(why) => format!("that can't be noted: {why}"),
        }
    }

    /// Returns how often the version failed, and the end of its last log.
    pub(crate) fn failures(&self) -> (u32, String) {
        match self {
            Self::Bad { failures, log_tail, .. } => (*failures, log_tail.clone()),
            _ => (0, String::new()),
        }
    }

    /// When it may be tried again, if time changes that.
    pub(crate) fn retry_in(&self) -> Duration {
        match self {
            Self::OnceADay { ago } | Self::Chosen { ago } => DAY.saturating_sub(*ago),
            Self::Replaced => DAY,
            Self::TooMany { retry_in, .. } | Self::Bad { retry_in, .. } => *retry_in,
            Self::UnderWay { .. } | Self::NotNoted(_) => Duration::ZERO,
        }
    }
}

/// For people: minutes, or hours.
fn coarse(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    if minutes < 120 { format!("{minutes} min") } else { format!("{} h", minutes / 60) }
}
