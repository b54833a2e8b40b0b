//! Why the settings make no sense.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::environment::CONFIG_VARIABLE;
use super::source::Source;

/// Why the settings make no sense.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    #[error("{}:{line}:{column}: unknown key {key:?} — {hint}", path.display())]
    UnknownKey { path: PathBuf, line: usize, column: usize, key: String, hint: String },
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, column: usize, message: String },
    #[error("{}", located(origin, key, wrong))]
    BadValue { key: String, origin: Source, wrong: String },
    #[error("the configuration file {} can't be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the configuration file {} is larger than {limit} bytes", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("the configuration file {} that {named_by} names does not exist", path.display())]
    Missing { path: PathBuf, named_by: &'static str },
    #[error(
        "{CONFIG_VARIABLE}: {0:?} is not an absolute path: a relative one would be another file in every working directory"
    )]
    RelativeFile(PathBuf),
    #[error(transparent)]
    NoStateDir(#[from] coordinator::NoStateDir),
    #[error(transparent)]
    Request(coordinator::RequestError),
    #[error("this program can't tell where it is installed: {0}")]
    Program(io::Error),
}

impl ConfigError {
    /// Whether it is the file that has to be mended, and not the call.
    pub(crate) fn is_of_file(&self) -> bool {
        match self {
            Self::UnknownKey { .. }
            | Self::Syntax { .. }
            | Self::Unreadable { .. }
            | Self::TooLarge { .. } => true,
            Self::BadValue { origin, .. } => matches!(origin, Source::File { .. }),
            Self::Missing { .. }
            | Self::RelativeFile(_)
            | Self::NoStateDir(_)
            | Self::Request(_)
            | Self::Program(_) => false,
        }
    }
}

/// A wrong value's place and key; the flag and the variable say the key themselves.
fn located(origin: &Source, key: &str, wrong: &str) -> String {
    match origin {
        Source::Flag { .. } | Source::Environment { .. } => format!("{origin}: {wrong}"),
        Source::File { .. } => format!("{origin}: {key}: {wrong}"),
        Source::Default => format!("{key}: {wrong}"),
    }
}
