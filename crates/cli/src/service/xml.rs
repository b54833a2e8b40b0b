//! The little XML that service managers read.

use std::path::PathBuf;

pub(super) fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    Some(text.split_once(open)?.1.split_once(close)?.0)
}

/// The text of the first element of this name, as a path.
pub(super) fn element(text: &str, name: &str) -> Option<PathBuf> {
    let found = between(text, &format!("<{name}>"), &format!("</{name}>"))?;
    let plain = found.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    Some(plain.into())
}

/// Text as XML has it.
pub(super) fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
