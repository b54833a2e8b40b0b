//! Where an agent keeps its hooks, and what it expects there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Whose settings are edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The settings of this user.
    User,
    /// The settings of the project in the working directory.
    Project,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 2] = [Self::User, Self::Project];

    /// Returns the scope's name on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
        }
    }

    /// Returns what the scope covers, for a help text.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::User => "Those of this user",
            Self::Project => "Those of the project in the working directory",
        }
    }
}

/// An event, and the entry that is added to the list under its name.
pub(crate) type EventEntry = (&'static str, Value);

/// The settings file of an agent.
#[derive(Debug)]
pub struct Registry {
    /// For the user's own settings: the variable that names the agent's directory, and the path below it.
    pub(crate) home: (&'static str, &'static [&'static str]),
    /// The agent's directory below the user's home if the variable is not set, and below a project's root.
    pub(crate) dir: &'static str,
    /// The file in either directory.
    pub(crate) file: &'static str,
    /// What a new file contains before any hook is added.
    pub(crate) empty: &'static str,
    /// Makes the entries for a hook that runs this command, in their order.
    pub(crate) entries: fn(command: &str) -> Vec<EventEntry>,
    /// What the user has to know after hooks were added.
    pub(crate) advice: &'static str,
}

impl Registry {
    /// Returns the file of this scope, found the way the agent finds it. Returns `None` if the environment names no home.
    #[must_use]
    pub fn path(
        &self,
        scope: Scope,
        working_dir: &Path,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Option<PathBuf> {
        let set = |variable| environment(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        let dir = match scope {
            Scope::Project => working_dir.join(self.dir),
            Scope::User => match set(self.home.0) {
                Some(named) => self.home.1.iter().fold(named, |path, part| path.join(part)),
                None => set(if cfg!(windows) { "USERPROFILE" } else { "HOME" })?.join(self.dir),
            },
        };
        // A relative variable is relative to the working directory, for the agent too.
        Some(working_dir.join(dir).join(self.file))
    }

    /// Returns what a new file contains before any hook is added.
    #[must_use]
    pub fn empty(&self) -> &'static str {
        self.empty
    }

    /// Returns what the user has to know after hooks were added.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        self.advice
    }
}

/// A group of hooks with one command, in the form that most agents read. The time-out is in the agent's own unit.
pub(crate) fn group(command: &str, timeout: u32) -> Value {
    json!({ "hooks": [{ "type": "command", "command": command, "timeout": timeout }] })
}
