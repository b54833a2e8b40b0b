//! Exit codes: one for each kind of failure, so that a script needs no text to tell them apart.
//!
//! They are as stable as the codes in JSON: a number is never given another meaning. The table is in
//! [`crate::errors`].

use std::process::ExitCode;

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
