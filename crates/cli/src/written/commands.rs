//! The commands of the hooks in an agent's settings: which there are, and one put in the place of another.

use jsonc_parser::ast::Value as Node;
use jsonc_parser::common::Ranged;
use serde_json::json;

use super::syntax::{Document, Wrong, member};

/// Where a command stands in the text, and what it is.
type Found = (std::ops::Range<usize>, String);

/// All commands, in their order.
///
/// # Errors
/// If the document is not understood.
pub(crate) fn all(text: &str) -> Result<Vec<String>, Wrong> {
    Ok(found(text)?.into_iter().map(|(_, command)| command).collect())
}

/// The document with another command wherever this one stands. All else stays as it is, to the byte.
///
/// # Errors
/// If the document is not understood.
pub(crate) fn replaced(text: &str, command: &str, by: &str) -> Result<String, Wrong> {
    let mut changed = text.to_owned();
    // From the end, so that what is before stays where it is.
    for (range, _) in found(text)?.into_iter().rev().filter(|(_, found)| found == command) {
        changed.replace_range(range, &json!(by).to_string());
    }
    Ok(changed)
}

fn found(text: &str) -> Result<Vec<Found>, Wrong> {
    let skipped = text.strip_prefix('\u{feff}').map_or(0, |rest| text.len() - rest.len());
    let document = Document::read(&text[skipped..])?;
    let mut found = Vec::new();
    if let Some(Node::Object(hooks)) = member(&document.root, "hooks") {
        hooks.properties.iter().for_each(|event| gather(&event.value, skipped, &mut found));
    }
    Ok(found)
}

/// Those of a list of hooks, or of groups of them.
fn gather(list: &Node<'_>, skipped: usize, found: &mut Vec<Found>) {
    let Node::Array(list) = list else { return };
    for entry in &list.elements {
        let Node::Object(entry) = entry else { continue };
        if let Some(Node::StringLit(command)) = member(entry, "command") {
            let range = command.range();
            found.push((range.start + skipped..range.end + skipped, command.value.to_string()));
        }
        if let Some(group) = member(entry, "hooks") {
            gather(group, skipped, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\u{feff}{ // mine\n \"hooks\": {\"A\": [{\"hooks\": [{\"command\": \"a \\\"b\\\"\"}, {\"x\": 1}]},], \"B\": [{\"command\": \"c\"}]},\n \"command\": \"no\" }\n";

    #[test]
    fn commands_are_found_in_lists_and_groups_and_nowhere_else() {
        assert_eq!(all(TEXT).unwrap(), ["a \"b\"", "c"]);
        assert_eq!(all("{}").unwrap(), [""; 0]);
        assert!(all("{").is_err());
    }

    #[test]
    fn one_is_put_in_the_place_of_another_and_nothing_else_is_changed() {
        let changed = replaced(TEXT, "a \"b\"", "d").unwrap();
        assert_eq!(changed, TEXT.replace("\"a \\\"b\\\"\"", "\"d\""));
        assert_eq!(replaced(TEXT, "no", "d").unwrap(), TEXT);
    }
}
