//! Gemini CLI: <https://geminicli.com/docs/hooks/reference>. Time-outs are in milliseconds. Standard output has to be an object: where it is
//! empty, what standard error says is shown in its place.

use crate::dialect::{Dialect, hook_specific_output};
use crate::registry::{Registry, group};

pub(crate) const DIALECT: Dialect = Dialect {
    session: &["session_id"],
    event: &["hook_event_name"],
    starts: &["SessionStart"],
    ends: &["SessionEnd"],
    silence: "{}\n",
    context: hook_specific_output,
};

pub(crate) const REGISTRY: Registry = Registry {
    home: ("GEMINI_CLI_HOME", &[".gemini"]),
    dir: ".gemini",
    file: "settings.json",
    empty: "{}\n",
    entries: |command| ["SessionStart", "SessionEnd"].map(|event| (event, group(command, 5000))).to_vec(),
    advice: "Sessions that start from now on run them.",
};
