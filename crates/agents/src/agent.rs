//! The agents that are supported, and what is known about each.

use crate::dialect::Dialect;
use crate::known::{claude_code, codex, cursor, gemini, generic};
use crate::registry::Registry;
use crate::settings::Hook;

/// An agent that runs hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Agent {
    /// Claude Code.
    ClaudeCode,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// Cursor.
    Cursor,
    /// Any program that writes `{"session_id":…,"event":…}`.
    Generic,
}

impl Agent {
    /// Returns how the agent talks to its hooks.
    #[must_use]
    pub fn dialect(self) -> &'static Dialect {
        match self {
            Self::ClaudeCode => &claude_code::DIALECT,
            Self::Codex => &codex::DIALECT,
            Self::Gemini => &gemini::DIALECT,
            Self::Cursor => &cursor::DIALECT,
            Self::Generic => &generic::DIALECT,
        }
    }
}

/// An agent whose hooks are in a settings file that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Installable {
    /// Claude Code, in its `settings.json`.
    ClaudeCode,
    /// Codex, in its `hooks.json`.
    Codex,
    /// Gemini CLI, in its `settings.json`.
    Gemini,
    /// Cursor, in its `hooks.json`.
    Cursor,
}

impl Installable {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ClaudeCode, Self::Codex, Self::Gemini, Self::Cursor];

    /// Returns the agent's name on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Cursor => "cursor",
        }
    }

    /// Returns the agent and its settings file, for a help text.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::ClaudeCode => "Claude Code, in its settings.json",
            Self::Codex => "Codex, in its hooks.json",
            Self::Gemini => "Gemini CLI, in its settings.json",
            Self::Cursor => "Cursor, in its hooks.json",
        }
    }

    /// Returns where the agent keeps its hooks.
    #[must_use]
    pub fn registry(self) -> &'static Registry {
        match self {
            Self::ClaudeCode => &claude_code::REGISTRY,
            Self::Codex => &codex::REGISTRY,
            Self::Gemini => &gemini::REGISTRY,
            Self::Cursor => &cursor::REGISTRY,
        }
    }

    /// Returns the hooks that are installed, in their order.
    #[must_use]
    pub fn hooks(self) -> Vec<Hook> {
        let command = self.command();
        let entries = (self.registry().entries)(&command).into_iter();
        entries.map(|(event, entry)| Hook { event, entry, command: command.clone() }).collect()
    }

    /// The command of these hooks. It never changes: some agents trust a hook by the hash of its command, and would ask
    /// each user again.
    fn command(self) -> String {
        format!("oneworker hook {}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde_json::json;

    use super::*;
    use crate::registry::Scope;

    #[test]
    fn the_installed_lines_are_frozen() {
        let pairs = |agent: &Installable| -> Vec<_> {
            agent.hooks().into_iter().map(|hook| (hook.event, hook.entry)).collect()
        };
        let lines: Vec<_> = Installable::ALL.iter().map(pairs).collect();
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
