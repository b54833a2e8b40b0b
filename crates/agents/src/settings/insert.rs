//! Inserts a hook.
//!
//! One piece of text is inserted for each event, right after an opening bracket, and nothing else changes. Each place has a
//! layout of its own. A new list is written in lines. An entry in an empty object of the user is written in one line, with
//! blanks inside the brackets of its list. An entry in an empty list is written in one line without blanks. So the outcome
//! shows what was there before, and [`super::remove`] restores the same bytes.

use jsonc_parser::ast::Value as Node;
use jsonc_parser::common::Ranged;
use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Serializer, Value, json};

use super::document::{Document, DocumentError, Style, member};
use super::layout::{Hook, behind_comment, is_ours};

/// Returns the document with the hook, or `None` if it has it already.
pub(super) fn insert(text: &str, hook: &Hook) -> Result<Option<String>, DocumentError> {
    let document = Document::read(text)?;
    let style = Style::of(&document);
    let (list, event) = (json!([hook.entry]), hook.event);
    let gap = |open: usize, empty: bool, depth: usize| Gap { text, style: &style, open, empty, depth };
    let Some(hooks) = member(&document.root, "hooks") else {
        let member = named("hooks", &json!({ event: list }), &style);
        return Ok(Some(gap(document.root.start(), document.root.properties.is_empty(), 1).insert(&member)));
    };
    let Node::Object(hooks) = hooks else {
        return Err(DocumentError::HooksNotObject);
    };
    let Some(event_list) = member(hooks, event) else {
        let empty = hooks.properties.is_empty();
        let member =
            if empty { format!("{}:[ {} ]", json!(event), hook.entry) } else { named(event, &list, &style) };
        return Ok(Some(gap(hooks.start(), empty, 2).insert(&member)));
    };
    let Node::Array(event_list) = event_list else {
        return Err(DocumentError::EventNotList { event });
    };
    if event_list.elements.iter().any(|entry| is_ours(entry, &hook.command)) {
        return Ok(None);
    }
    let empty = event_list.elements.is_empty();
    let entry = if empty { hook.entry.to_string() } else { pretty(&hook.entry, &style) };
    Ok(Some(gap(event_list.start(), empty, 3).insert(&entry)))
}

/// The place behind an opening bracket, where a piece of text is inserted.
struct Gap<'a> {
    text: &'a str,
    style: &'a Style,
    /// The position of the bracket.
    open: usize,
    /// Whether only blanks and comments are between the bracket and its counterpart.
    empty: bool,
    /// The indentation depth of what is inside the brackets.
    depth: usize,
}

impl Gap<'_> {
    fn insert(&self, what: &str) -> String {
        let Self { text, style, open, empty, depth } = *self;
        if empty && depth > 1 {
            return spliced(text, open + 1, what);
        }
        let end = if empty { style.newline } else { "," };
        spliced(text, behind_comment(text, open + 1), &format!("{}{end}", style.lines(what, depth)))
    }
}

fn spliced(text: &str, at: usize, what: &str) -> String {
    format!("{}{what}{}", &text[..at], &text[at..])
}

fn named(name: &str, value: &Value, style: &Style) -> String {
    format!("{}: {}", json!(name), pretty(value, style))
}

fn pretty(value: &Value, style: &Style) -> String {
    let mut text = Vec::new();
    let mut serializer =
        Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(style.indent.as_bytes()));
    // Writing JSON to memory can't fail, and JSON is UTF-8.
    let _ = value.serialize(&mut serializer);
    String::from_utf8_lossy(&text).into_owned()
}
