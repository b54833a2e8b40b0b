//! The agents whose hooks we serve, one file each: what they say on standard input, what they want to hear on standard output, and
//! where their hooks are written down.
//!
//! What we install is the same line for ever, since some agents trust a hook by the hash of its line and would ask each user again.

mod claude_code;
mod codex;
mod cursor;
mod gemini;
mod generic;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};

/// An agent that runs hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Agent {
    /// Claude Code
    ClaudeCode,
    /// Codex
    Codex,
    /// Gemini CLI
    Gemini,
    /// Cursor
    Cursor,
    /// Any program that writes `{"session_id":…,"event":…}`
    Generic,
}

/// An agent whose hooks are in a file that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Installable {
    /// Claude Code, in its settings.json
    ClaudeCode,
    /// Codex, in its hooks.json
    Codex,
    /// Gemini CLI, in its settings.json
    Gemini,
    /// Cursor, in its hooks.json
    Cursor,
}

/// Whose settings are edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// Those of this user
    User,
    /// Those of the project in the working directory
    Project,
}

/// What an event means for the session's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The session begins, or goes on with what it had.
    Start,
    /// Something happened in it.
    During,
    /// It has ended.
    End,
}

/// How one agent speaks.
pub(crate) struct Dialect {
    /// The fields that may name the session, the best first.
    pub(crate) session: &'static [&'static str],
    /// The fields that may name the event.
    pub(crate) event: &'static [&'static str],
    /// The events that begin a session.
    starts: &'static [&'static str],
    /// The events that end it.
    ends: &'static [&'static str],
    /// What standard output must be to say nothing.
    pub(crate) silence: &'static str,
    /// Standard output that puts a sentence into the model's context, at an event of this name.
    pub(crate) context: fn(event: &str, sentence: &str) -> String,
}

impl Dialect {
    /// What an event of this name means.
    pub(crate) fn moment(&self, event: &str) -> Moment {
        match event {
            event if self.starts.contains(&event) => Moment::Start,
            event if self.ends.contains(&event) => Moment::End,
            _ => Moment::During,
        }
    }
}

impl Agent {
    /// How it speaks.
    pub(crate) fn dialect(self) -> &'static Dialect {
        match self {
            Self::ClaudeCode => &claude_code::DIALECT,
            Self::Codex => &codex::DIALECT,
            Self::Gemini => &gemini::DIALECT,
            Self::Cursor => &cursor::DIALECT,
            Self::Generic => &generic::DIALECT,
        }
    }
}

/// Where hooks are written down, and how.
pub(crate) struct Registry {
    /// The variable that names the agent's directory, and what is below it: the user's own settings.
    home: (&'static str, &'static [&'static str]),
    /// The directory where the variable is not set, below the user's home; and the project's, below its root.
    dir: &'static str,
    /// The file in either of them.
    file: &'static str,
    /// What a new file holds before the hooks.
    pub(crate) empty: &'static str,
    /// The events that we hook, in their order, each with what is added to the list under its name.
    pub(crate) hooks: fn() -> Vec<(&'static str, Value)>,
    /// What its user has to know besides.
    pub(crate) advice: &'static str,
}

impl Installable {
    /// Its name, as `--for` takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Cursor => "cursor",
        }
    }

    /// Where its hooks are written down.
    pub(crate) fn registry(self) -> &'static Registry {
        match self {
            Self::ClaudeCode => &claude_code::REGISTRY,
            Self::Codex => &codex::REGISTRY,
            Self::Gemini => &gemini::REGISTRY,
            Self::Cursor => &cursor::REGISTRY,
        }
    }

    /// The line that is installed. Frozen: see above.
    pub(crate) fn command(self) -> String {
        format!("oneworker hook {}", self.name())
    }
}

impl Registry {
    /// The file of this scope, as the agent itself finds it. `None` if the environment names no home.
    pub(crate) fn path(
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
        // A relative variable means the working directory, for the agent too.
        Some(working_dir.join(dir).join(self.file))
    }
}

/// A group of hooks with one command, as most agents want it. The time-out is in the agent's own unit.
fn group(agent: Installable, timeout: u32) -> Value {
    json!({ "hooks": [{ "type": "command", "command": agent.command(), "timeout": timeout }] })
}

/// The context as most agents take it.
fn hook_specific_output(event: &str, sentence: &str) -> String {
    json!({ "hookSpecificOutput": { "hookEventName": event, "additionalContext": sentence } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_lines_are_frozen() {
        let lines: Vec<_> =
            Installable::value_variants().iter().map(|agent| (agent.registry().hooks)()).collect();
        let frozen = json!([
            [
                ["SessionStart", { "hooks": [{ "type": "command", "command": "oneworker hook claude-code", "timeout": 5 }] }],
                ["SessionEnd", { "hooks": [{ "type": "command", "command": "oneworker hook claude-code", "timeout": 5 }] }],
            ],
            [
                ["SessionStart", { "hooks": [{ "type": "command", "command": "oneworker hook codex", "timeout": 5 }] }],
                ["SessionEnd", { "hooks": [{ "type": "command", "command": "oneworker hook codex", "timeout": 3 }] }],
            ],
            [
                ["SessionStart", { "hooks": [{ "type": "command", "command": "oneworker hook gemini", "timeout": 5000 }] }],
                ["SessionEnd", { "hooks": [{ "type": "command", "command": "oneworker hook gemini", "timeout": 5000 }] }],
            ],
            [
                ["sessionStart", { "command": "oneworker hook cursor", "timeout": 5 }],
                ["sessionEnd", { "command": "oneworker hook cursor", "timeout": 5 }],
            ],
        ]);
        assert_eq!(serde_json::to_value(lines).unwrap(), frozen);
    }

    #[test]
    fn settings_lie_where_the_agent_looks_for_them() {
        let nothing = |_: &str| None;
        let home =
            |variable: &str| ["HOME", "USERPROFILE"].contains(&variable).then(|| OsString::from("/home/ada"));
        let moved = |variable: &str| {
            ["CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME"]
                .contains(&variable)
                .then(|| OsString::from("/moved"))
        };
        let path = |agent: Installable, scope, environment: &dyn Fn(&str) -> Option<OsString>| {
            agent.registry().path(scope, Path::new("/project"), environment)
        };
        let cases = [
            (Installable::ClaudeCode, ".claude/settings.json", Some("/moved/settings.json")),
            (Installable::Codex, ".codex/hooks.json", Some("/moved/hooks.json")),
            (Installable::Gemini, ".gemini/settings.json", Some("/moved/.gemini/settings.json")),
            (Installable::Cursor, ".cursor/hooks.json", None),
        ];
        for (agent, below, elsewhere) in cases {
            assert_eq!(path(agent, Scope::User, &home), Some(Path::new("/home/ada").join(below)));
            assert_eq!(path(agent, Scope::Project, &nothing), Some(Path::new("/project").join(below)));
            assert_eq!(path(agent, Scope::User, &moved), elsewhere.map(PathBuf::from));
            assert_eq!(path(agent, Scope::User, &nothing), None);
        }
    }
}
