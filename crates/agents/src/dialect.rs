//! What an agent writes to its hooks, and what it reads from them.

use serde_json::json;

/// What an event means for the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The session begins, or continues an earlier one.
    Start,
    /// Something happened in the session.
    During,
    /// The session has ended.
    End,
}

/// How one agent talks to its hooks.
#[derive(Debug)]
pub struct Dialect {
    /// The fields that may name the session, in order of preference.
    pub(crate) session: &'static [&'static str],
    /// The fields that may name the event, in order of preference.
    pub(crate) event: &'static [&'static str],
    /// The events that begin a session.
    pub(crate) starts: &'static [&'static str],
    /// The events that end a session.
    pub(crate) ends: &'static [&'static str],
    /// What a hook prints when it has nothing to say.
    pub(crate) silence: &'static str,
    /// What a hook prints to add a sentence to the model's context, given the event's name.
    pub(crate) context: fn(event: &str, sentence: &str) -> String,
}

impl Dialect {
    /// Returns what an event of this name means.
    #[must_use]
    pub fn moment(&self, event: &str) -> Moment {
        match event {
            event if self.starts.contains(&event) => Moment::Start,
            event if self.ends.contains(&event) => Moment::End,
            _ => Moment::During,
        }
    }

    /// Returns what a hook prints when it has nothing to say.
    #[must_use]
    pub fn silence(&self) -> &'static str {
        self.silence
    }

    /// Returns what a hook prints at this event to add a sentence to the model's context.
    #[must_use]
    pub fn context(&self, event: &str, sentence: &str) -> String {
        (self.context)(event, sentence)
    }
}

/// The context in the form that most agents read.
pub(crate) fn hook_specific_output(event: &str, sentence: &str) -> String {
    json!({ "hookSpecificOutput": { "hookEventName": event, "additionalContext": sentence } }).to_string()
}
