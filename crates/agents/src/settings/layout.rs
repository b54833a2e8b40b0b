//! Where a hook stands in a document: `{"hooks":{EVENT:[…]}}`.

use jsonc_parser::ast::{Array, Object, Value as Node};
use serde_json::Value;

use super::document::{Document, is_blank, member};

/// A hook, as an entry in the list of its event.
#[derive(Clone, Debug)]
pub struct Hook {
    pub(crate) event: &'static str,
    pub(crate) entry: Value,
    /// The command that identifies the hook, with or without flags behind it.
    pub(crate) command: String,
}

/// Whether an entry of an event's list runs this command: alone, or in a group with others.
pub(super) fn is_ours(entry: &Node<'_>, command: &str) -> bool {
    let Node::Object(entry) = entry else { return false };
    runs(entry, command)
        || in_group(entry).is_some_and(|group| group.elements.iter().any(|hook| is_ours(hook, command)))
}

/// Whether an entry itself runs this command.
pub(super) fn runs(hook: &Object<'_>, command: &str) -> bool {
    let Some(Node::StringLit(given)) = member(hook, "command") else { return false };
    given.value.trim().strip_prefix(command).is_some_and(|flags| flags.is_empty() || flags.starts_with(' '))
}

/// The hooks of an entry that is a group.
pub(super) fn in_group<'a, 't>(entry: &'a Object<'t>) -> Option<&'a Array<'t>> {
    match member(entry, "hooks") {
        Some(Node::Array(group)) => Some(group),
        _ => None,
    }
}

/// The object of all hooks, and the list of this event in it.
pub(super) fn event_list<'a, 't>(
    document: &'a Document<'t>,
    event: &str,
) -> Option<(&'a Object<'t>, &'a Array<'t>)> {
    let Some(Node::Object(hooks)) = member(&document.root, "hooks") else { return None };
    match member(hooks, event) {
        Some(Node::Array(list)) => Some((hooks, list)),
        _ => None,
    }
}

/// The end of a line comment that follows on the same line, if there is one: the comment belongs to what is before it.
pub(super) fn behind_comment(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let line = rest.find('\n').map_or(rest, |end| rest[..end].trim_end_matches('\r'));
    match line.find("//") {
        Some(begin) if is_blank(&line[..begin]) && line.len() < rest.len() => at + line.len(),
        _ => at,
    }
}
