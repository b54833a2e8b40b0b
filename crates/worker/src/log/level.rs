//! How important a line of the log is.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogLevel {
    /// A failure.
    Error,
    /// A problem that was handled.
    Warn,
    /// The steps of a tenure.
    #[default]
    Info,
    /// Details for finding a fault.
    Debug,
}

impl LogLevel {
    /// All of them, the most important first.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warn, Self::Info, Self::Debug];

    /// Returns the level's name.
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

/// A text that is not a [`LogLevel`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("log level {0:?} is not one of error, warn, info and debug")]
pub struct UnknownLevel(
    /// The text.
    pub String,
);

impl FromStr for LogLevel {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let known = Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text));
        known.ok_or_else(|| UnknownLevel(text.to_owned()))
    }
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
