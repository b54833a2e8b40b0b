//! JSON with comments and trailing commas, but with no other extension.

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::tokens::TokenAndRange;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use thiserror::Error;

/// Why a document is not understood, and so is left as it is. The words follow the document's name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The text is no JSON.
    #[error("is no JSON: {0}")]
    Syntax(String),
    /// The text contains another value than an object, or none.
    #[error("holds no JSON object")]
    NotObject,
    /// The value of `hooks` is no object.
    #[error("has something under \"hooks\" that is no object")]
    HooksNotObject,
    /// The value of an event is no list.
    #[error("has something under {event:?} that is no list")]
    EventNotList {
        /// The event's name.
        event: &'static str,
    },
}

/// A document that is understood.
pub(super) struct Document<'t> {
    pub(super) text: &'t str,
    pub(super) root: Object<'t>,
    /// Without the comments.
    pub(super) tokens: Vec<TokenAndRange<'t>>,
}

impl<'t> Document<'t> {
    /// Reads a document, which must be an object. The parser limits the nesting.
    pub(super) fn read(text: &'t str) -> Result<Self, DocumentError> {
        let options = ParseOptions {
            allow_comments: true,
            allow_trailing_commas: true,
            allow_loose_object_property_names: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        let collect = CollectOptions { tokens: true, ..CollectOptions::default() };
        let parsed = parse_to_ast(text, &collect, &options)
            .map_err(|error| DocumentError::Syntax(error.to_string()))?;
        match parsed.value {
            Some(Value::Object(root)) => Ok(Self { text, root, tokens: parsed.tokens.unwrap_or_default() }),
            _ => Err(DocumentError::NotObject),
        }
    }
}

/// The value of a name. If the name occurs more than once, the last value counts, as for most programs.
pub(super) fn member<'a, 't>(object: &'a Object<'t>, name: &str) -> Option<&'a Value<'t>> {
    object
        .properties
        .iter()
        .rev()
        .find(|property| property.name.as_str() == name)
        .map(|property| &property.value)
}

/// How the document is laid out.
pub(super) struct Style {
    pub(super) newline: &'static str,
    pub(super) indent: String,
}

impl Style {
    pub(super) fn of(document: &Document<'_>) -> Self {
        let text = document.text;
        let crlf = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
        let own_line = document.root.properties.first().and_then(|first| {
            let (line, before) = (text[..first.range.start].rfind('\n')?, &text[..first.range.start]);
            let indent = &before[line + 1..];
            (line > document.root.range.start && is_blank(indent)).then(|| indent.to_owned())
        });
        Self {
            newline: if crlf { "\r\n" } else { "\n" },
            indent: own_line.unwrap_or_else(|| "  ".to_owned()),
        }
    }

    /// The text with each of its lines on a new line, indented to this depth.
    pub(super) fn lines(&self, text: &str, depth: usize) -> String {
        let begin = format!("{}{}", self.newline, self.indent.repeat(depth));
        text.lines().map(|line| format!("{begin}{line}")).collect()
    }
}

/// Whether this part of a line contains only blanks.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c == ' ' || c == '\t')
}
