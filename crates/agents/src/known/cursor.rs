//! Cursor: <https://cursor.com/docs/agent/hooks>. Its hooks are not in groups, and its file has a version.

use serde_json::json;

use crate::dialect::Dialect;
use crate::registry::Registry;

pub(crate) const DIALECT: Dialect = Dialect {
    session: &["conversation_id", "session_id"],
    event: &["hook_event_name"],
    starts: &["sessionStart"],
    ends: &["sessionEnd"],
    silence: "{}\n",
    context: |_, sentence| json!({ "additional_context": sentence }).to_string(),
};

pub(crate) const REGISTRY: Registry = Registry {
    // There is no variable that moves it.
    home: ("", &[]),
    dir: ".cursor",
    file: "hooks.json",
    empty: "{\n  \"version\": 1\n}\n",
    entries: |command| {
        let hook = json!({ "command": command, "timeout": 5 });
        ["sessionStart", "sessionEnd"].map(|event| (event, hook.clone())).to_vec()
    },
    advice: "Cursor reads the file again when it is saved.",
};
