//! Any other program: `{"session_id":"…","event":"start"}` on standard input.

use crate::dialect::Dialect;

pub(crate) const DIALECT: Dialect = Dialect {
    session: &["session_id", "sessionId", "session", "conversation_id"],
    event: &["event", "hook_event_name"],
    starts: &["start", "session_start", "sessionStart", "SessionStart"],
    ends: &["end", "session_end", "sessionEnd", "SessionEnd"],
    silence: "",
    context: |_, sentence| format!("{sentence}\n"),
};
