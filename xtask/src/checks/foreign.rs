//! Other systems and processors, from one Linux machine.

use std::fs;

use super::shown::{exists, program, run};
use super::verdict::Verdict;
use crate::error::Error;

/// Why the scripts can't run here, if they can't: they install Debian's compiler, which can build `std` for targets that have none here.
fn unfit() -> Option<String> {
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let is_debian = system.lines().any(|line| line == "ID=debian");
    (!is_debian || !is_root() || !exists("apt-get"))
        .then(|| "needs Debian, root and apt-get, to install Debian's compiler".to_owned())
}

fn is_root() -> bool {
    let mut command = program("id");
    command.arg("-u");
    super::shown::output(command).is_ok_and(|user| user.trim() == "0")
}

fn script(words: &[&str]) -> Result<Verdict, Error> {
    if let Some(reason) = unfit() {
        return Ok(Verdict::Skipped(reason));
    }
    let mut command = program("bash");
    command.args(words);
    run(command)?;
    Ok(Verdict::Passed)
}

pub(super) fn cross() -> Result<Verdict, Error> {
    script(&["ci/cross-check.sh", "macos", "macos-x64", "linux-arm64", "freebsd"])
}

pub(super) fn windows() -> Result<Verdict, Error> {
    script(&["ci/windows.sh"])
}
