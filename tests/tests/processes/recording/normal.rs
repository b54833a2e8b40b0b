//! What differs from run to run becomes a marker, and so does what is written for people.

use serde_json::{Map, Value, json};

/// Text for people: it may be written again at any time.
const WORDS: [&str; 13] = [
    "additionalContext",
    "additional_context",
    "after",
    "before",
    "help",
    "held_back",
    "last_error",
    "log_tail",
    "message",
    "now",
    "reason",
    "trouble",
    "why",
];
/// Numbers that are others in each run.
const NUMBERS: [&str; 28] = [
    "age_ms",
    "at",
    "at_ms",
    "began_ms",
    "begin_ms",
    "bytes",
    "child_pid",
    "cpu_ms",
    "cpu_percent",
    "elapsed_ms",
    "end_ms",
    "ends_in_ms",
    "memory_bytes",
    "noted_by",
    "pid",
    "port",
    "rank",
    "removed",
    "retry_in_ms",
    "since",
    "start_time",
    "started",
    "started_at_ms",
    "touched_ms",
    "until",
    "uptime_ms",
    "waited_ms",
    "worker",
];
/// Texts that are others in each run, or on each machine.
const STRINGS: [&str; 13] = [
    "address",
    "at",
    "boot_id",
    "host",
    "key",
    "net_namespace",
    "pid_namespace",
    "served",
    "source",
    "started_by",
    "url",
    "user",
    "version",
];
/// Lists that may grow: what is recorded has to be in them.
const GROWING: [&str; 2] = ["checks", "files"];

/// What a list of events becomes.
const EVENTS: &str = "<events>";

/// The names of what is of one run.
pub(super) struct Names(Vec<(String, &'static str)>);

impl Names {
    /// Each text, with what stands for it.
    pub(super) fn new(names: Vec<(String, &'static str)>) -> Self {
        Self(names)
    }

    /// One more.
    pub(super) fn hide(&mut self, text: &str, marker: &'static str) {
        self.0.push((text.to_owned(), marker));
    }

    /// The text with their markers.
    pub(super) fn in_text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, marker)| text.replace(name.as_str(), marker))
    }

    /// The same for a whole value.
    pub(super) fn in_value(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                // An event, and what is told of the last of them.
                let is_event = ["noted_by", "in_good_order"].iter().any(|key| fields.contains_key(*key));
                let field = |(key, value): (&String, &Value)| {
                    let normal = match key.as_str() {
                        "text" if is_event => words(value),
                        "id" | "epoch" if is_event && value.is_u64() => "<number>".into(),
                        _ => self.field(key, value),
                    };
                    (self.in_text(key), normal)
                };
                Value::Object(fields.iter().map(field).collect())
            }
            Value::Array(items) if items.iter().any(|item| item.get("noted_by").is_some()) => {
                self.events(items)
            }
            Value::Array(items) => {
                let kept = items.iter().filter(|item| !is_a_matter_of_time(item));
                Value::Array(kept.map(|item| self.in_value(item)).collect())
            }
            Value::String(text) => self.string(text),
            Value::Number(number) => {
                let known = self.0.iter().find(|(name, _)| *name == number.to_string());
                known.map_or_else(|| value.clone(), |(_, marker)| (*marker).into())
            }
            other => other.clone(),
        }
    }

    /// The first event of each kind. The history is best effort: of two processes that note at once, one may drop what it had to say, and which
    /// comes first is a matter of luck.
    fn events(&self, events: &[Value]) -> Value {
        let mut kinds = Map::new();
        for event in events {
            let kind = event["kind"].as_str().unwrap_or_default();
            kinds.entry(kind).or_insert_with(|| self.in_value(event));
        }
        json!({ EVENTS: kinds })
    }

    fn field(&self, key: &str, value: &Value) -> Value {
        match value {
            Value::String(_) if WORDS.contains(&key) => words(value),
            Value::Array(items) if key == "warnings" => Value::Array(items.iter().map(words).collect()),
            Value::Number(_) if NUMBERS.contains(&key) => "<number>".into(),
            Value::Array(_) if key == "ports" => "<numbers>".into(),
            Value::String(_) if STRINGS.contains(&key) => "<string>".into(),
            Value::String(text) if key == "program" => match self.in_text(text) {
                text if text.starts_with('<') => text.into(),
                _ => "<string>".into(),
            },
            _ => self.in_value(value),
        }
    }

    /// Several lines are easier to read as a list.
    fn string(&self, text: &str) -> Value {
        let text = self.in_text(text);
        if text.trim_end().contains('\n') {
            return text.lines().filter(|line| !is_for_people(line)).map(Value::from).collect();
        }
        text.into()
    }
}

/// A finding that there is a note of a process which ended meanwhile: that a session suspected it, say, while it was starting.
fn is_a_matter_of_time(item: &Value) -> bool {
    item["check"] == "notes"
}

/// A comment or a description in a file that is written.
fn is_for_people(line: &str) -> bool {
    let line = line.trim_start_matches(['+', '-', ' ']);
    ["#", ";", "<!--", "Description=", "<Description>"].iter().any(|begin| line.starts_with(begin))
}

fn words(value: &Value) -> Value {
    if value.is_null() { Value::Null } else { "<words>".into() }
}

/// Where `now` is neither the same as what was recorded nor an extension of it.
pub(super) fn difference(recorded: &Value, now: &Value) -> Option<String> {
    compare("", recorded, now)
}

fn compare(path: &str, recorded: &Value, now: &Value) -> Option<String> {
    match (recorded, now) {
        (Value::Object(recorded), Value::Object(now)) => fields(path, recorded, now),
        // It is read from the history, too.
        (Value::Object(_), Value::Null) if path.ends_with("/last_end") => None,
        (Value::Array(recorded), Value::Array(now)) if GROWING.iter().any(|key| path.ends_with(key)) => {
            let extends = |was: &Value| now.iter().any(|is| compare("", was, is).is_none());
            let lost = recorded.iter().find(|was| !extends(was))?;
            Some(format!("{path} has lost {lost}"))
        }
        (Value::Array(recorded), Value::Array(now)) if recorded.len() == now.len() => {
            let mut items = recorded.iter().zip(now).enumerate();
            items.find_map(|(number, (was, is))| compare(&format!("{path}/{number}"), was, is))
        }
        _ if recorded == now => None,
        _ => Some(format!("{path}: {recorded} was recorded, and now it is {now}")),
    }
}

fn fields(path: &str, recorded: &Map<String, Value>, now: &Map<String, Value>) -> Option<String> {
    recorded.iter().find_map(|(key, was)| match now.get(key) {
        Some(is) => compare(&format!("{path}/{key}"), was, is),
        // Dropped by the one who had to note it.
        None if path.ends_with(EVENTS) && !now.is_empty() => None,
        None => Some(format!("{path}/{key} is gone")),
    })
}

#[test]
fn only_an_extension_is_no_difference() {
    let recorded = json!({ "a": 1, "list": [{ "b": null }], "checks": ["x"] });
    let same = |now: Value| difference(&recorded, &now).is_none();
    assert!(same(recorded.clone()));
    assert!(same(json!({ "a": 1, "list": [{ "b": null, "new": 2 }], "checks": ["w", "x"], "more": {} })));
    assert!(!same(json!({ "a": 2, "list": [{ "b": null }], "checks": ["x"] })));
    assert!(!same(json!({ "a": 1, "list": [{ "b": "x" }], "checks": ["x"] })));
    assert!(!same(json!({ "a": 1, "list": [{ "b": null }, {}], "checks": ["x"] })));
    assert!(!same(json!({ "a": 1, "list": [{ "b": null }], "checks": ["y"] })));
    assert!(!same(json!({ "a": 1, "checks": ["x"] })));
}
