//! Codex: <https://developers.openai.com/codex/hooks.md>. Its objects on standard output may have no unknown field; no output at all is fine.

use crate::dialect::{Dialect, hook_specific_output};
use crate::registry::{Registry, group};

pub(crate) const DIALECT: Dialect = Dialect {
    session: &["session_id"],
    event: &["hook_event_name"],
    starts: &["SessionStart"],
    ends: &["SessionEnd"],
    silence: "",
    context: hook_specific_output,
};

pub(crate) const REGISTRY: Registry = Registry {
    home: ("CODEX_HOME", &[]),
    dir: ".codex",
    file: "hooks.json",
    empty: "{}\n",
    entries: |command| {
        // The end may take 3 s at most.
        vec![("SessionStart", group(command, 5)), ("SessionEnd", group(command, 3))]
    },
    advice: "Codex asks once whether to trust them: see /hooks in it.",
};
