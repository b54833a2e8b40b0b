//! What an agent writes to its hook's standard input.

use std::collections::HashMap;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::agents::{Dialect, Moment};

/// What a hook has to know.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) session: String,
    pub(super) event: String,
    pub(super) moment: Moment,
}

/// The most that is read, in bytes. A tool's output may be large; it is passed over without being kept.
const MOST: u64 = 32 * 1024 * 1024;
/// The longest name of a session or event that is believed, in bytes.
const LONGEST: usize = 256;

/// Reads one object, and no further than its end: not every program closes the pipe.
///
/// # Errors
/// In words, if it is no object, or names no session.
pub(super) fn read(input: impl Read, dialect: &Dialect) -> Result<Payload, String> {
    let input = std::io::BufReader::new(input.take(MOST));
    let mut json = serde_json::Deserializer::from_reader(input);
    let Fields(fields) = Fields::deserialize(&mut json).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof if error.line() == 1 && error.column() == 0 => {
            "it is empty".to_owned()
        }
        serde_json::error::Category::Eof => {
            format!("it ends too early, or is longer than {MOST} bytes: {error}")
        }
        _ => error.to_string(),
    })?;
    let first = |names: &[&str]| {
        let short = |text: &&String| (1..=LONGEST).contains(&text.len());
        names.iter().find_map(|name| fields.get(*name).filter(short).cloned())
    };
    let session = first(dialect.session).ok_or_else(|| {
        format!(
            "it names no session: there is no text of 1 to {LONGEST} bytes under {}",
            dialect.session.join(" or ")
        )
    })?;
    let event = first(dialect.event).unwrap_or_default();
    Ok(Payload { moment: dialect.moment(&event), session, event })
}

/// The known fields of an object that hold text; of several with one name, the last.
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

/// A text; anything else is passed over, and costs nothing but the time to read it.
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

/// The fields that some agent's dialect looks at.
const KNOWN: &[&str] = &["session_id", "sessionId", "session", "conversation_id", "hook_event_name", "event"];

#[cfg(test)]
mod tests;
