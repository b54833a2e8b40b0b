//! Where a value stands in the configuration file.

use std::cell::Cell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::source::Source;

/// Turns spans of a file's text into lines and columns.
pub(super) struct Positions<'a> {
    path: &'a Path,
    text: &'a str,
    /// The last start of a span, with its line and column. Counting continues from there: a list of many items would otherwise
    /// count from the beginning for each item.
    last: Cell<(usize, usize, usize)>,
}

impl<'a> Positions<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text, last: Cell::new((0, 1, 1)) }
    }

    /// Returns the file.
    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// Returns line and column, both from 1. The column counts characters.
    pub(super) fn line_and_column(&self, span: Range<usize>) -> (usize, usize) {
        let start = if self.text.is_char_boundary(span.start) { span.start } else { self.text.len() };
        let (from, line, column) = Some(self.last.get()).filter(|last| last.0 <= start).unwrap_or((0, 1, 1));
        let between = &self.text[from..start];
        let column = match between.rfind('\n') {
            Some(newline) => between[newline + 1..].chars().count() + 1,
            None => column + between.chars().count(),
        };
        let line = line + between.matches('\n').count();
        self.last.set((start, line, column));
        (line, column)
    }

    /// Returns the source of a value with this span.
    pub(super) fn source(&self, span: Range<usize>) -> Source {
        let (line, column) = self.line_and_column(span);
        Source::File { path: PathBuf::from(self.path), line, column }
    }

    /// Returns the error for a value with this span.
    pub(super) fn bad_value(&self, key: &str, span: Range<usize>, wrong: String) -> ConfigError {
        ConfigError::BadValue { key: key.to_owned(), origin: self.source(span), wrong }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_right_in_any_order() {
        let positions = Positions::new(Path::new(""), "é\nab\n\nc");
        let all = [(0, (1, 1)), (2, (1, 2)), (3, (2, 1)), (4, (2, 2)), (6, (3, 1)), (7, (4, 1)), (8, (4, 2))];
        for (first, _) in all {
            for (then, expected) in all {
                positions.line_and_column(first..first);
                assert_eq!(positions.line_and_column(then..then), expected, "{then} after {first}");
            }
        }
    }
}
