//! What was set, and where: flags over environment over file over defaults.
//!
//! Two sessions with different settings can be two identities, and so two workers. So every value knows its [`Source`], and
//! `oneworker config show` prints it. The file is found by `--config`, by `ONEWORKER_CONFIG`, or in the user's configuration
//! directory, and never by the working directory: hooks run in different ones.

mod definition;
mod file;
mod key;
mod kind;
mod layers;
mod plan;
mod settings;
mod source;
mod strays;
mod suggest;
pub(crate) mod value;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

#[cfg(test)]
pub(crate) use definition::Scope;
pub(crate) use definition::{Definition, Form, Group, Heading};
pub(crate) use file::ConfigFile;
pub(crate) use settings::{DEFINITIONS, Entry, Key, Settings};
pub(crate) use source::{Setting, Source};
pub(crate) use strays::Strays;
use thiserror::Error;

/// The variable that names the configuration file.
pub(crate) const CONFIG_VARIABLE: &str = "ONEWORKER_CONFIG";

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
    Spec(coordinator::SpecError),
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
            | Self::Spec(_)
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

/// The environment, as far as it is asked for: a test has one of its own.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Which file is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileChoice {
    /// None.
    None,
    /// The one that `--config` names.
    Flag(PathBuf),
    /// The one that the environment names, else the user's own if there is one.
    Usual,
}

/// The file that is to be read, and who names it; `None` as the name for the user's own, which need not exist.
pub(crate) fn locate(
    choice: &FileChoice,
    environment: Environment<'_>,
) -> Result<Option<Located>, ConfigError> {
    match choice {
        FileChoice::None => Ok(None),
        FileChoice::Flag(path) => Ok(Some(Located { path: path.clone(), named_by: Some("--config") })),
        FileChoice::Usual => match set(environment, CONFIG_VARIABLE).map(PathBuf::from) {
            Some(path) if path.is_absolute() => Ok(Some(Located { path, named_by: Some(CONFIG_VARIABLE) })),
            Some(path) => Err(ConfigError::RelativeFile(path)),
            // Whoever has no home has no file there either.
            None => Ok(coordinator::default_config_dir()
                .ok()
                .map(|dir| Located { path: dir.join("oneworker.toml"), named_by: None })),
        },
    }
}

/// A configuration file, and who names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    /// The file.
    pub(crate) path: PathBuf,
    /// The flag or variable; `None` for the user's own.
    pub(crate) named_by: Option<&'static str>,
}

impl Located {
    /// Reads it; `None` if it is the user's own and does not exist.
    pub(crate) fn read(&self) -> Result<Option<ConfigFile>, ConfigError> {
        match (ConfigFile::read(&self.path)?, self.named_by) {
            (None, Some(named_by)) => Err(ConfigError::Missing { path: self.path.clone(), named_by }),
            (file, _) => Ok(file),
        }
    }
}

/// A variable's value. An empty one counts as not set, as scripts clear variables that way.
fn set(environment: Environment<'_>, variable: &str) -> Option<OsString> {
    environment(variable).filter(|value| !value.is_empty())
}
