//! Removes a hook.

use std::ops::Range;

use jsonc_parser::ast::{Object, Value as Node};
use jsonc_parser::common::Ranged;
use jsonc_parser::tokens::Token;

use super::document::{Document, DocumentError, is_blank};
use super::insert::insert;
use super::layout::{Hook, behind_comment, event_list, in_group, is_ours, runs};

/// Returns the document without the hook, as often as it occurs. If the hook stands as it was inserted, the document is
/// restored to the byte. Otherwise the entry is removed with its comma, and the rest stays as it is.
pub(super) fn remove_all(text: &str, hook: &Hook) -> Result<String, DocumentError> {
    let mut text = text.to_owned();
    // Each round removes one occurrence.
    while let Some(without) =
        undone(&text, hook)?.map_or_else(|| taken_out(&text, hook), |it| Ok(Some(it)))?
    {
        text = without;
    }
    Ok(text)
}

/// The document from which inserting the hook makes this one, if there is one.
fn undone(text: &str, hook: &Hook) -> Result<Option<String>, DocumentError> {
    let document = Document::read(text)?;
    let Some((hooks, list)) = event_list(&document, hook.event) else { return Ok(None) };
    // What is inserted comes first: as the whole of `hooks`, as the event's list, or as an entry of that list.
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
            if insert(&before, hook).ok().flatten().as_deref() == Some(text) {
                return Ok(Some(before));
            }
        }
    }
    Ok(None)
}

/// The pieces of text that may have been inserted. Each contains this range, and otherwise only blanks, a comma or a line end.
fn chunks(text: &str, open: usize, start: usize, end: usize) -> Vec<Range<usize>> {
    let ends = [",", "\n", "\r\n", ""].into_iter().filter(|more| text[end..].starts_with(more));
    let ends: Vec<usize> = ends.map(|more| end + more.len()).collect();
    let begins = [open, behind_comment(text, open)].into_iter();
    let begins = begins.filter(|begin| *begin <= start && text[*begin..start].trim().is_empty());
    begins.flat_map(|begin| ends.iter().map(move |end| begin..*end)).collect()
}

/// The document without the first entry that runs our command, if there is one.
fn taken_out(text: &str, hook: &Hook) -> Result<Option<String>, DocumentError> {
    let document = Document::read(text)?;
    let Some((_, list)) = event_list(&document, hook.event) else { return Ok(None) };
    let Some(Node::Object(entry)) = list.elements.iter().find(|entry| is_ours(entry, &hook.command)) else {
        return Ok(None);
    };
    let ours = in_group(entry).filter(|_| !runs(entry, &hook.command)).and_then(|group| {
        // A group that contains hooks of others stays.
        let alone = group.elements.iter().all(|other| is_ours(other, &hook.command));
        (!alone).then(|| group.elements.iter().find(|other| is_ours(other, &hook.command)))?
    });
    let range = ours.map_or(entry.range, Ranged::range);
    Ok(Some(without(text, &with_comma(&document, range.start, range.end))))
}

/// This range with one comma, and with its whole lines if nothing else is on them.
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
    // The comma lies outside of the range, which contains only the entry and blanks.
    let mut ranges: Vec<_> = comma.into_iter().chain([range]).collect();
    ranges.sort_by_key(|range| range.start);
    ranges
}

/// The text without these ranges, which are sorted.
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
