//! Adds hooks to a document, and removes them from it.

use super::document::{Document, DocumentError};
use super::insert::insert;
use super::layout::Hook;
use super::remove::remove_all;

const BOM: char = '\u{feff}';

/// Returns the document with these hooks. A hook that it has already stays as it is.
///
/// # Errors
/// If the document is not understood.
pub fn add(text: &str, hooks: &[Hook]) -> Result<String, DocumentError> {
    edit(text, hooks.iter().rev(), |text, hook| Ok(insert(text, hook)?.unwrap_or_else(|| text.to_owned())))
}

/// Returns the document without these hooks. If they stand as [`add`] wrote them, it is the document from before.
///
/// # Errors
/// If the document is not understood.
pub fn remove(text: &str, hooks: &[Hook]) -> Result<String, DocumentError> {
    edit(text, hooks.iter(), remove_all)
}

/// Applies one change for each hook to the text behind the byte order mark.
fn edit<'a>(
    text: &str,
    hooks: impl Iterator<Item = &'a Hook>,
    change: impl Fn(&str, &Hook) -> Result<String, DocumentError>,
) -> Result<String, DocumentError> {
    let (bom, body) = match text.strip_prefix(BOM) {
        Some(body) => (&text[..BOM.len_utf8()], body),
        None => ("", text),
    };
    let mut changed = body.to_owned();
    for hook in hooks {
        changed = change(&changed, hook)?;
    }
    // The outcome must still be a document.
    Document::read(&changed)?;
    Ok(format!("{bom}{changed}"))
}

#[cfg(test)]
mod tests;
