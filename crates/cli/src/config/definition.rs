//! What the table of settings says about each setting.

use std::ffi::OsStr;

use super::key::Key;
use super::value::Wrong;

/// One row of the table in [`super::table`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    /// Its key.
    pub(crate) key: Key,
    /// The name in the file, with its table: `backoff.base`.
    pub(crate) path: &'static str,
    /// The environment variable.
    pub(crate) variable: &'static str,
    /// The flag, with its dashes.
    pub(crate) flag: &'static str,
    /// Which commands take the flag.
    pub(crate) group: Group,
    /// Whether the flag is left out of the help: people set it in the file or by its variable.
    pub(crate) hidden: bool,
    /// The processes that use it.
    pub(crate) scope: Scope,
    /// Where it stands in the help and in the reference.
    pub(crate) heading: Heading,
    /// One line for `-h`.
    pub(crate) help: &'static str,
    /// What `--help` adds to it.
    pub(crate) more: &'static str,
    /// How the value looks in the file.
    pub(crate) form: Form,
    /// What stands for the value in the help.
    pub(crate) placeholder: &'static str,
    /// Checks a value without keeping it.
    pub(crate) check: fn(&OsStr) -> Result<(), Wrong>,
    /// What applies if no value is given, in words; empty if nothing does.
    pub(crate) default: fn() -> String,
}

/// A group of flags: a command takes all flags of a group, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Nearly every command.
    Common,
    /// The commands that run the worker.
    Serving,
    /// The commands that may replace a worker of another version.
    Upgrading,
    /// The commands that pass variables on to a worker.
    Passing,
    /// The commands that look for strays.
    Strays,
    /// No flag of its own: the words after `--`.
    Words,
}

/// The processes that use a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The session alone: a worker is not told.
    Session,
    /// The worker alone: it applies from the worker's next start.
    Worker,
    /// Both.
    Both,
}

/// A group of settings in the help and in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heading {
    Worker,
    Timing,
    Data,
    Log,
    Starting,
    Upgrade,
    Processes,
}

impl Heading {
    /// All, in the order of the reference.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 7] =
        [Self::Worker, Self::Timing, Self::Data, Self::Log, Self::Starting, Self::Upgrade, Self::Processes];

    /// As it is printed.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "Worker",
            Self::Timing => "Timing",
            Self::Data => "Data",
            Self::Log => "Log",
            Self::Starting => "Failed starts",
            Self::Upgrade => "Upgrade",
            Self::Processes => "Processes",
        }
    }
}

/// How a value looks in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `"text"`.
    Text,
    /// `12`.
    Number,
    /// Either.
    TextOrNumber,
    /// `["text", "text"]`.
    List,
}
