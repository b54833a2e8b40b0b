//! The worker's log: lines with UTC times on standard error, which the launcher has pointed at a file, and that file's rotation.

mod directory;
mod file;
mod rotation;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use tracing::Level;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

pub(crate) use directory::Stamp;
pub(crate) use file::{LogFile, Unwritten};
pub(crate) use rotation::Rotation;

/// The environment variable that names the level.
const LEVEL_VARIABLE: &str = "ONEWORKER_LOG";

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What is not as it should be, and was dealt with.
    Warn,
    /// What a tenure goes through.
    #[default]
    Info,
    /// What is of use to who looks for a fault.
    Debug,
}

impl LogLevel {
    /// All of them, the most important first.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warn, Self::Info, Self::Debug];

    /// The level's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no [`LogLevel`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("log level {0:?} is not one of error, warn, info and debug")]
pub struct UnknownLevel(
    /// What was given.
    pub String,
);

impl FromStr for LogLevel {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let known = Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text));
        known.ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}

/// Starts the log of this process. `level`: the least important line; by default what the environment says.
///
/// A level in the environment that is none must not keep a worker from office: it is warned about.
pub(crate) fn start(level: Option<LogLevel>) {
    let wanted = std::env::var(LEVEL_VARIABLE).unwrap_or_default();
    let (chosen, mistake) = match level.map_or_else(|| wanted.parse(), Ok) {
        Ok(level) => (level, None),
        Err(_) if wanted.is_empty() => (LogLevel::default(), None),
        Err(mistake) => (LogLevel::default(), Some(mistake)),
    };
    let max = match chosen {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    // It fails only where a log was started before, by whoever embeds the worker: then that one is used.
    let _ = tracing_subscriber::fmt()
        .with_max_level(max)
        .with_target(false)
        .with_writer(|| crate::stderr::LogLines)
        .try_init();
    if let Some(mistake) = mistake {
        tracing::warn!("{LEVEL_VARIABLE}: {mistake}");
    }
}

/// The time, as the log's lines begin with it: RFC 3339, UTC.
pub(crate) fn time() -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_back_whatever_their_case() {
        for level in LogLevel::ALL {
            assert_eq!(level.as_str().parse(), Ok(level));
            assert_eq!(level.as_str().to_uppercase().parse(), Ok(level));
        }
        assert_eq!("loud".parse::<LogLevel>(), Err(UnknownLevel("loud".to_owned())));
    }
}
