//! What the compiler and its tools say about the sources.

use super::shown::{cargo, run};
use super::verdict::Verdict;
use crate::error::Error;

/// What `clippy` is called with, after `--`.
pub(super) const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];

pub(super) fn format() -> Result<Verdict, Error> {
    let mut workspace = cargo();
    workspace.args(["fmt", "--all", "--check"]);
    run(workspace)?;
    // A workspace of its own.
    let mut fuzz = cargo();
    fuzz.args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]);
    run(fuzz)?;
    Ok(Verdict::Passed)
}

pub(super) fn clippy() -> Result<Verdict, Error> {
    let mut command = cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--quiet"]).args(DENY_WARNINGS);
    run(command)?;
    Ok(Verdict::Passed)
}

pub(super) fn rustdoc() -> Result<Verdict, Error> {
    let mut command = cargo();
    command.args(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings");
    run(command)?;
    Ok(Verdict::Passed)
}
