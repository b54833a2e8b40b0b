//! Hooks in an agent's settings: `{"hooks":{EVENT:[…]}}`.
//!
//! To add is to insert one piece of text for each event, right after an opening bracket, and to change nothing else. Each place has
//! a layout of its own: what is made anew is written in lines; what is put into an empty object of the user's in one line, with blanks
//! inside the brackets of its list; what is put into an empty list in one line without. So one can tell from the outcome what was
//! there before, and [`remove`] gives back the very same bytes.

use jsonc_parser::ast::Value as Node;
use jsonc_parser::common::Ranged;
use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Serializer, Value, json};

use super::removal;
use super::syntax::{Document, Style, Wrong, is_blank, member};

/// One hook: what stands in the list of its event.
pub(crate) struct Hook {
    pub(crate) event: &'static str,
    pub(crate) entry: Value,
    /// Its command, by which it is known again, with flags behind it or without.
    pub(crate) command: String,
}

const BOM: char = '\u{feff}';

/// The document with the hooks in it. Those that it has stay as they are.
///
/// # Errors
/// If it is not understood.
pub(crate) fn add(text: &str, hooks: &[Hook]) -> Result<String, Wrong> {
    each(text, hooks.iter().rev(), |text, hook| Ok(add_one(text, hook)?.unwrap_or_else(|| text.to_owned())))
}

/// The document without them: as it was before [`add`], if they stand as that wrote them.
///
/// # Errors
/// If it is not understood.
pub(crate) fn remove(text: &str, hooks: &[Hook]) -> Result<String, Wrong> {
    each(text, hooks.iter(), removal::remove_one)
}

fn each<'a>(
    text: &str,
    hooks: impl Iterator<Item = &'a Hook>,
    change: impl Fn(&str, &Hook) -> Result<String, Wrong>,
) -> Result<String, Wrong> {
    let (bom, body) = match text.strip_prefix(BOM) {
        Some(body) => (&text[..BOM.len_utf8()], body),
        None => ("", text),
    };
    let mut changed = body.to_owned();
    for hook in hooks {
        changed = change(&changed, hook)?;
    }
    // Whatever was done, it is a document still.
    Document::read(&changed)?;
    Ok(format!("{bom}{changed}"))
}

/// The document with the hook, or `None` if it has it.
pub(super) fn add_one(text: &str, hook: &Hook) -> Result<Option<String>, Wrong> {
    let document = Document::read(text)?;
    let style = Style::of(&document);
    let (list, event) = (json!([hook.entry]), hook.event);
    let place = |open: usize, empty: bool, depth: usize| Place { text, style: &style, open, empty, depth };
    let Some(hooks) = member(&document.root, "hooks") else {
        let member = named("hooks", &json!({ event: list }), &style);
        return Ok(Some(
            place(document.root.start(), document.root.properties.is_empty(), 1).insert(&member),
        ));
    };
    let Node::Object(hooks) = hooks else {
        return Err("has something under \"hooks\" that is no object".to_owned());
    };
    let Some(found) = member(hooks, event) else {
        let empty = hooks.properties.is_empty();
        let member =
            if empty { format!("{}:[ {} ]", json!(event), hook.entry) } else { named(event, &list, &style) };
        return Ok(Some(place(hooks.start(), empty, 2).insert(&member)));
    };
    let Node::Array(found) = found else {
        return Err(format!("has something under {event:?} that is no list"));
    };
    if found.elements.iter().any(|entry| removal::is_ours(entry, &hook.command)) {
        return Ok(None);
    }
    let empty = found.elements.is_empty();
    let entry = if empty { hook.entry.to_string() } else { pretty(&hook.entry, &style) };
    Ok(Some(place(found.start(), empty, 3).insert(&entry)))
}

/// Where something is inserted: behind a bracket.
struct Place<'a> {
    text: &'a str,
    style: &'a Style,
    /// The bracket.
    open: usize,
    /// Whether nothing but comments is between it and its twin.
    empty: bool,
    /// How deep what it holds is indented.
    depth: usize,
}

impl Place<'_> {
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

/// The end of the line comment that follows on the same line, if one does: it belongs to the bracket.
pub(super) fn behind_comment(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let line = rest.find('\n').map_or(rest, |end| rest[..end].trim_end_matches('\r'));
    match line.find("//") {
        Some(begin) if is_blank(&line[..begin]) && line.len() < rest.len() => at + line.len(),
        _ => at,
    }
}

fn named(name: &str, value: &Value, style: &Style) -> String {
    format!("{}: {}", json!(name), pretty(value, style))
}

fn pretty(value: &Value, style: &Style) -> String {
    let mut text = Vec::new();
    let mut serializer =
        Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(style.indent.as_bytes()));
    // What is written to memory, from a value that is JSON already, can't fail; and JSON is UTF-8.
    let _ = value.serialize(&mut serializer);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests;
