//! What the table of settings says, by key.

use std::ffi::OsStr;

use super::Key;
use super::definition::{Definition, Form, Scope};
use super::settings::DEFINITIONS;
use super::value::Wrong;

impl Key {
    /// Its row in the table.
    pub(crate) const fn definition(self) -> &'static Definition {
        // Keys and rows come from one list, in one order.
        &DEFINITIONS[self as usize]
    }

    /// The name in the file, with its table: `backoff.base`.
    pub(crate) const fn path(self) -> &'static str {
        self.definition().path
    }

    /// The environment variable.
    pub(crate) const fn variable(self) -> &'static str {
        self.definition().variable
    }

    /// The flag, with its dashes.
    pub(crate) const fn flag(self) -> &'static str {
        self.definition().flag
    }

    /// How it looks in the file.
    pub(crate) const fn form(self) -> Form {
        self.definition().form
    }

    /// Whether it is for sessions alone: a worker is not told.
    pub(crate) fn is_of_sessions(self) -> bool {
        self.definition().scope == Scope::Session
    }

    /// The table that it is in (empty for the top) and its name there.
    pub(crate) fn table_and_leaf(self) -> (&'static str, &'static str) {
        self.path().split_once('.').unwrap_or(("", self.path()))
    }

    /// Checks a value without keeping it.
    pub(crate) fn check(self, raw: &OsStr) -> Result<(), Wrong> {
        (self.definition().check)(raw)
    }
}
