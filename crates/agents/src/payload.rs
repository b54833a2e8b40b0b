//! What an agent writes to the standard input of its hooks.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use thiserror::Error;

use crate::dialect::{Dialect, Moment};

/// What a hook needs from its input.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Payload {
    /// The session, by the name that the agent gave it.
    pub session: String,
    /// The event's name; empty if the input names none.
    pub event: String,
    /// What the event means for the session.
    pub moment: Moment,
}

/// Why the input of a hook is not understood.
#[derive(Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// There is no input.
    #[error("it is empty")]
    Empty,
    /// The input ends inside the object, or is too long.
    #[error("it ends too early, or is longer than {READ_LIMIT} bytes: {0}")]
    Incomplete(String),
    /// The input is no JSON object.
    #[error("{0}")]
    NotAnObject(String),
    /// None of these fields names a session.
    #[error("it names no session: there is no text of 1 to {LONGEST_NAME} bytes under {}", fields.join(" or "))]
    NoSession {
        /// The fields that may name it.
        fields: &'static [&'static str],
    },
}

/// At most this many bytes are read. A tool's output may be large; it is skipped without being kept.
const READ_LIMIT: u64 = 32 * 1024 * 1024;
/// The longest name of a session or event that is accepted, in bytes.
const LONGEST_NAME: usize = 256;

impl Payload {
    /// Reads one object, and nothing after its end: not every agent closes the pipe.
    ///
    /// # Errors
    /// If the input is no object, or names no session.
    pub fn read(input: impl Read, dialect: &Dialect) -> Result<Self, PayloadError> {
        let input = std::io::BufReader::new(input.take(READ_LIMIT));
        let mut json = serde_json::Deserializer::from_reader(input);
        let Fields(fields) = Fields::deserialize(&mut json).map_err(|error| match error.classify() {
            Category::Eof if error.line() == 1 && error.column() == 0 => PayloadError::Empty,
            Category::Eof => PayloadError::Incomplete(error.to_string()),
            _ => PayloadError::NotAnObject(error.to_string()),
        })?;
        let first = |names: &[&str]| {
            let short = |text: &&String| (1..=LONGEST_NAME).contains(&text.len());
            names.iter().find_map(|name| fields.get(*name).filter(short).cloned())
        };
        let session = first(dialect.session).ok_or(PayloadError::NoSession { fields: dialect.session })?;
        let event = first(dialect.event).unwrap_or_default();
        Ok(Self { moment: dialect.moment(&event), session, event })
    }
}

/// The known fields of an object that contain text. If a name occurs more than once, the last value counts.
struct Fields(HashMap<String, String>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = HashMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if !KNOWN.contains(&name.as_str()) {
                map.next_value::<IgnoredAny>()?;
            } else if let Text(Some(text)) = map.next_value()? {
                fields.insert(name, text);
            }
        }
        Ok(Fields(fields))
    }
}

/// A text. Any other value is skipped, and costs only the time to read it.
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(Some(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Text, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

/// The fields that at least one dialect reads.
const KNOWN: &[&str] = &["session_id", "sessionId", "session", "conversation_id", "hook_event_name", "event"];

#[cfg(test)]
mod tests;
