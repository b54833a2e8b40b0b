//! How a step ended.

/// How a step ended without an error.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Everything that the step looks at is as it must be.
    Passed,
    /// It passed, and did less than it does on other machines.
    PassedInPart(String),
    /// It did nothing, because this machine lacks something.
    Skipped(String),
}
