//! What the workspace depends on, judged by `deny.toml`.

use super::scripts::lacks;
use super::shown::{exists, output, program, run};
use super::verdict::Verdict;
use crate::error::Error;

/// What `cargo deny` says if it can't get the database of advisories.
const UNREACHABLE: &str = "failed to fetch advisory database";

pub(super) fn deny() -> Result<Verdict, Error> {
    if !exists("cargo-deny") {
        return Ok(lacks("cargo-deny"));
    }
    let mut command = program("cargo-deny");
    command.args(["--log-level", "error", "check", "licenses", "bans", "sources"]);
    run(command)?;
    let mut command = program("cargo-deny");
    command.args(["--log-level", "error", "check", "advisories"]);
    match output(command) {
        Ok(_) => Ok(Verdict::Passed),
        Err(Error::Failed { said, .. }) if said.contains(UNREACHABLE) => Ok(Verdict::PassedInPart(
            "licences, duplicates and sources; the database of advisories can't be reached".to_owned(),
        )),
        Err(error) => Err(error),
    }
}
