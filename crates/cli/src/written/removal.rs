//! Taking a hook out of a document again.

use std::ops::Range;

use jsonc_parser::ast::{Array, Object, Value as Node};
use jsonc_parser::common::Ranged;
use jsonc_parser::tokens::Token;

use super::hooks::{Hook, add_one, behind_comment};
use super::syntax::{Document, Wrong, is_blank, member};

/// The document without the hook: undone to the byte if it stands as it was added, else taken out with its comma, and all else
/// left as it is.
pub(super) fn remove_one(text: &str, hook: &Hook) -> Result<String, Wrong> {
    let mut text = text.to_owned();
    // Each round takes one out.
    while let Some(without) =
        undone(&text, hook)?.map_or_else(|| taken_out(&text, hook), |it| Ok(Some(it)))?
    {
        text = without;
    }
    Ok(text)
}

/// Whether an entry of an event's list runs our command: alone, or in a group with others.
pub(super) fn is_ours(entry: &Node<'_>, command: &str) -> bool {
    let Node::Object(entry) = entry else { return false };
    runs(entry, command)
        || in_group(entry).is_some_and(|group| group.elements.iter().any(|hook| is_ours(hook, command)))
}

fn runs(hook: &Object<'_>, command: &str) -> bool {
    let Some(Node::StringLit(given)) = member(hook, "command") else { return false };
    given.value.trim().strip_prefix(command).is_some_and(|flags| flags.is_empty() || flags.starts_with(' '))
}

fn in_group<'a, 't>(entry: &'a Object<'t>) -> Option<&'a Array<'t>> {
    match member(entry, "hooks") {
        Some(Node::Array(group)) => Some(group),
        _ => None,
    }
}

/// The list of the event, and the object that it is in.
fn lists<'a, 't>(document: &'a Document<'t>, event: &str) -> Option<(&'a Object<'t>, &'a Array<'t>)> {
    let Some(Node::Object(hooks)) = member(&document.root, "hooks") else { return None };
    match member(hooks, event) {
        Some(Node::Array(list)) => Some((hooks, list)),
        _ => None,
    }
}

/// The document of which adding makes this one, if there is one.
fn undone(text: &str, hook: &Hook) -> Result<Option<String>, Wrong> {
    let document = Document::read(text)?;
    let Some((hooks, list)) = lists(&document, hook.event) else { return Ok(None) };
    // What is inserted comes first in what it is inserted into: the whole of `hooks`, the event's list, or an entry of that.
    let first = |object: &Object<'_>| object.properties.first().map(Ranged::range);
    let places = [
        (document.root.start(), first(&document.root)),
        (hooks.start(), first(hooks)),
        (list.start(), list.elements.first().map(Ranged::range)),
    ];
    for (open, inserted) in places {
        let Some(inserted) = inserted else { continue };
        for chunk in chunks(text, open + 1, inserted.start, inserted.end) {
            let before = without(text, std::slice::from_ref(&chunk));
            if add_one(&before, hook).ok().flatten().as_deref() == Some(text) {
                return Ok(Some(before));
            }
        }
    }
    Ok(None)
}

/// The pieces of text that may have been inserted: all of them hold this range, and nothing else but blanks, a comma or a line end.
fn chunks(text: &str, open: usize, start: usize, end: usize) -> Vec<Range<usize>> {
    let ends = [",", "\n", "\r\n", ""].into_iter().filter(|more| text[end..].starts_with(more));
    let ends: Vec<usize> = ends.map(|more| end + more.len()).collect();
    let begins = [open, behind_comment(text, open)].into_iter();
    let begins = begins.filter(|begin| *begin <= start && text[*begin..start].trim().is_empty());
    begins.flat_map(|begin| ends.iter().map(move |end| begin..*end)).collect()
}

/// The document without the first of ours, if there is one.
fn taken_out(text: &str, hook: &Hook) -> Result<Option<String>, Wrong> {
    let document = Document::read(text)?;
    let Some((_, list)) = lists(&document, hook.event) else { return Ok(None) };
    let Some(Node::Object(entry)) = list.elements.iter().find(|entry| is_ours(entry, &hook.command)) else {
        return Ok(None);
    };
    let ours = in_group(entry).filter(|_| !runs(entry, &hook.command)).and_then(|group| {
        // A group with hooks of others stays.
        let alone = group.elements.iter().all(|other| is_ours(other, &hook.command));
        (!alone).then(|| group.elements.iter().find(|other| is_ours(other, &hook.command)))?
    });
    let range = ours.map_or(entry.range, Ranged::range);
    Ok(Some(without(text, &with_comma(&document, range.start, range.end))))
}

/// This range with one comma, and with its lines if it has them to itself.
fn with_comma(document: &Document<'_>, start: usize, end: usize) -> Vec<Range<usize>> {
    let comma = |token: Option<&jsonc_parser::tokens::TokenAndRange<'_>>| {
        token.filter(|token| token.token == Token::Comma).map(|token| token.range.start..token.range.end)
    };
    let after = comma(document.tokens.iter().find(|token| token.range.start >= end));
    let before = comma(document.tokens.iter().rev().find(|token| token.range.end <= start));
    let (text, mut range) = (document.text, start..end);
    let comma = match after {
        Some(after) if after.start == end => {
            range.end = after.end;
            None
        }
        Some(after) => Some(after),
        None => before,
    };
    let line_end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at);
    let line_start = text[..start].rfind('\n');
    if let Some(line_start) = line_start {
        let blank_after = is_blank(text[range.end..line_end].trim_end_matches('\r'));
        if blank_after && is_blank(&text[line_start + 1..start]) {
            range = line_start + 1..(line_end + 1).min(text.len());
        }
    }
    // The comma lies outside of the range: the entry and blanks are all that is in it.
    let mut ranges: Vec<_> = comma.into_iter().chain([range]).collect();
    ranges.sort_by_key(|range| range.start);
    ranges
}

/// The text without these ranges, which are in order.
fn without(text: &str, ranges: &[Range<usize>]) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for range in ranges {
        kept.push_str(&text[at..range.start]);
        at = range.end;
    }
    kept.push_str(&text[at..]);
    kept
}
