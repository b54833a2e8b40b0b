//! Exit codes: one for each kind of failure, so that a script needs no text to tell them apart.
//!
//! They are as stable as the codes in JSON: a number is never given another meaning. The table is in
//! [`crate::errors`].

use std::process::ExitCode;

use crate::errors;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

/// Done.
pub(crate) const OK: Exit = Exit(0);
/// A failure that has no number of its own.
pub(crate) const OTHER: Exit = Exit(1);
/// A mistake in flags or configuration.
pub(crate) const USAGE: Exit = Exit(2);
/// No worker is in office.
pub(crate) const NOT_RUNNING: Exit = Exit(3);

/// The number of a code; [`OTHER`] for one that is not in the table.
pub(crate) fn of(code: &str) -> Exit {
    errors::of(code).map_or(OTHER, |kind| kind.exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_code_still_fails() {
        assert_eq!(of("something_new"), OTHER);
    }

    #[test]
    fn the_numbers_with_names_are_those_of_the_table() {
        assert_eq!((of("usage"), of("not_running")), (USAGE, NOT_RUNNING));
    }
}
