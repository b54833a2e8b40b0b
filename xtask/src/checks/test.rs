//! The tests.

use super::packages;
use super::shown::{cargo, run};
use super::verdict::Verdict;
use crate::error::Error;

/// As the README and `.ci/run` have it, on Linux.
const ALL: &str = "cargo test --workspace --no-fail-fast";

pub(super) fn unit() -> Result<Verdict, Error> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--lib", "--quiet"]);
    run(command)?;
    Ok(Verdict::Passed)
}

pub(super) fn all() -> Result<Verdict, Error> {
    let mut command = cargo();
    if cfg!(target_os = "linux") {
        command.args(ALL.split(' ').skip(1));
        run(command)?;
        return Ok(Verdict::Passed);
    }
    command.args(["test", "--no-fail-fast"]);
    for package in packages::published()? {
        command.args(["--package", &package.name]);
    }
    run(command)?;
    Ok(Verdict::PassedInPart(
        "tests of the published crates; the packages below tests/ need Linux".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::workspace;

    #[test]
    fn readme_and_ci_run_this_command() {
        for file in ["README.md", ".ci/run"] {
            let text = workspace::text(file).unwrap();
            assert!(text.lines().any(|line| line.starts_with(ALL)), "{file} does not run `{ALL}`");
        }
    }
}
