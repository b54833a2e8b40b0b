//! The commands of the hooks in a document.

use std::ops::Range;

use jsonc_parser::ast::Value as Node;
use jsonc_parser::common::Ranged;
use serde_json::json;

use super::document::{Document, DocumentError, member};

/// The position of a command in the text, and the command.
type PlacedCommand = (Range<usize>, String);

/// Returns the commands of all hooks, in their order.
///
/// # Errors
/// If the document is not understood.
pub fn commands(text: &str) -> Result<Vec<String>, DocumentError> {
    Ok(placed(text)?.into_iter().map(|(_, command)| command).collect())
}

/// Returns the document with another command wherever this one stands. Everything else stays as it is, to the byte.
///
/// # Errors
/// If the document is not understood.
pub fn replace_command(text: &str, command: &str, by: &str) -> Result<String, DocumentError> {
    let mut changed = text.to_owned();
    // From the end, so that earlier positions stay valid.
    for (range, _) in placed(text)?.into_iter().rev().filter(|(_, placed)| placed == command) {
        changed.replace_range(range, &json!(by).to_string());
    }
    Ok(changed)
}

fn placed(text: &str) -> Result<Vec<PlacedCommand>, DocumentError> {
    let skipped = text.strip_prefix('\u{feff}').map_or(0, |rest| text.len() - rest.len());
    let document = Document::read(&text[skipped..])?;
    let mut commands = Vec::new();
    if let Some(Node::Object(hooks)) = member(&document.root, "hooks") {
        hooks.properties.iter().for_each(|event| gather(&event.value, skipped, &mut commands));
    }
    Ok(commands)
}

/// Collects the commands of a list of hooks, or of groups of hooks.
fn gather(list: &Node<'_>, skipped: usize, commands: &mut Vec<PlacedCommand>) {
    let Node::Array(list) = list else { return };
    for entry in &list.elements {
        let Node::Object(entry) = entry else { continue };
        if let Some(Node::StringLit(command)) = member(entry, "command") {
            let range = command.range();
            commands.push((range.start + skipped..range.end + skipped, command.value.to_string()));
        }
        if let Some(group) = member(entry, "hooks") {
            gather(group, skipped, commands);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\u{feff}{ // mine\n \"hooks\": {\"A\": [{\"hooks\": [{\"command\": \"a \\\"b\\\"\"}, {\"x\": 1}]},], \"B\": [{\"command\": \"c\"}]},\n \"command\": \"no\" }\n";

    #[test]
    fn commands_are_found_in_lists_and_groups_and_nowhere_else() {
        assert_eq!(commands(TEXT).unwrap(), ["a \"b\"", "c"]);
        assert_eq!(commands("{}").unwrap(), [""; 0]);
        assert!(commands("{").is_err());
    }

    #[test]
    fn replacing_a_command_changes_nothing_else() {
        let changed = replace_command(TEXT, "a \"b\"", "d").unwrap();
        assert_eq!(changed, TEXT.replace("\"a \\\"b\\\"\"", "\"d\""));
        assert_eq!(replace_command(TEXT, "no", "d").unwrap(), TEXT);
    }
}
