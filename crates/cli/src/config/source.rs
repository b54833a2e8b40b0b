use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Where a value comes from, strongest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Source {
    /// A flag on the command line.
    Flag {
        /// With its dashes.
        flag: &'static str,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: &'static str,
    },
    /// The configuration file.
    File {
        /// Which one.
        #[serde(serialize_with = "lossy")]
        path: PathBuf,
        /// The line of the value, from 1.
        line: usize,
        /// Its column in characters, from 1.
        column: usize,
    },
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag { flag } => f.write_str(flag),
            Self::Environment { variable } => f.write_str(variable),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// JSON has no other bytes than text; a path that is none is for people only here.
fn lossy<S: serde::Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// A value, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it comes from.
    pub(crate) source: Source,
}

/// One value is a list of one, so that all settings are shown in the same way.
impl<T> AsRef<[Self]> for Setting<T> {
    fn as_ref(&self) -> &[Self] {
        std::slice::from_ref(self)
    }
}
