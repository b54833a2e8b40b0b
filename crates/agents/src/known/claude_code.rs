//! Claude Code: <https://code.claude.com/docs/en/hooks>. At a session's start, plain text on standard output enters the model's context.

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
    home: ("CLAUDE_CONFIG_DIR", &[]),
    dir: ".claude",
    file: "settings.json",
    empty: "{}\n",
    entries: |command| ["SessionStart", "SessionEnd"].map(|event| (event, group(command, 5))).to_vec(),
    advice: "Sessions that start from now on run them.",
};
