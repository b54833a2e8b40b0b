//! JSON as people write it: with comments and trailing commas, but with nothing else that JSON has not.

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::tokens::TokenAndRange;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// Why a document is left as it is, in words that follow its name.
pub(crate) type Wrong = String;

/// A document that was understood.
pub(super) struct Document<'t> {
    pub(super) text: &'t str,
    pub(super) root: Object<'t>,
    /// Without the comments.
    pub(super) tokens: Vec<TokenAndRange<'t>>,
}

impl<'t> Document<'t> {
    /// Reads a document, which has to be an object. Nesting is bounded by the parser.
    pub(super) fn read(text: &'t str) -> Result<Self, Wrong> {
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
        let parsed =
            parse_to_ast(text, &collect, &options).map_err(|error| format!("is no JSON: {error}"))?;
        match parsed.value {
            Some(Value::Object(root)) => Ok(Self { text, root, tokens: parsed.tokens.unwrap_or_default() }),
            _ => Err("holds no JSON object".to_owned()),
        }
    }
}

/// The value under a name: of several, the last, as programs read it.
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

    /// The text with each of its lines so deep.
    pub(super) fn lines(&self, text: &str, depth: usize) -> String {
        let begin = format!("{}{}", self.newline, self.indent.repeat(depth));
        text.lines().map(|line| format!("{begin}{line}")).collect()
    }
}

/// Whether there is nothing but blanks in this part of a line.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c == ' ' || c == '\t')
}
