//! The oldest Rust that is promised, `rust-version` in `Cargo.toml`.

use serde_json::Value;

use super::lints;
use super::packages::{list, parsed};
use super::shown::{cargo, exists, output, program, run};
use super::verdict::Verdict;
use crate::error::Error;
use crate::workspace;

/// Of the whole workspace.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

pub(super) fn msrv() -> Result<Verdict, Error> {
    if is_installed()? {
        let mut command = program("rustup");
        command
            .args(["run", OLDEST, "cargo", "check", "--workspace", "--all-targets", "--quiet"])
            .env_remove("RUSTUP_TOOLCHAIN")
            .env("CARGO_TARGET_DIR", workspace::root().join("target/msrv"));
        run(command)?;
        return Ok(Verdict::Passed);
    }
    // Warnings are denied, and `clippy::incompatible_msrv` is one of them.
    lints::clippy()?;
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1"]);
    let newer = newer_than(OLDEST, &parsed(&output(command)?)?);
    if !newer.is_empty() {
        return Err(Error::Unmet {
            what: format!("rust-version {OLDEST}"),
            found: format!("not enough for {}", newer.join(", ")),
            wanted: "Take older versions of them, or promise less",
        });
    }
    Ok(Verdict::PassedInPart(format!(
        "Rust {OLDEST} is not installed: its standard library was checked by clippy::incompatible_msrv, the dependencies by \
         their rust-version, and the language by nothing. `rustup toolchain install {OLDEST}` makes this a real build"
    )))
}

fn is_installed() -> Result<bool, Error> {
    if !exists("rustup") {
        return Ok(false);
    }
    let mut command = program("rustup");
    command.args(["toolchain", "list"]);
    Ok(output(command)?.lines().any(|line| is_of(line, OLDEST)))
}

/// Whether this line of `rustup toolchain list` is `VERSION-HOST`, with or without the last part of the version.
fn is_of(line: &str, version: &str) -> bool {
    line.strip_prefix(version).is_some_and(|rest| rest.starts_with('-'))
}

/// The packages that say that they need a newer Rust.
fn newer_than(oldest: &str, metadata: &Value) -> Vec<String> {
    list(&metadata["packages"])
        .filter_map(|package| {
            let needed = package["rust_version"].as_str()?;
            (parts(needed) > parts(oldest))
                .then(|| format!("{} ({needed})", package["name"].as_str().unwrap_or("?")))
        })
        .collect()
}

/// `1.91` is `1.91.0`.
fn parts(version: &str) -> [u64; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{is_of, newer_than};

    #[test]
    fn a_toolchain_is_told_by_its_whole_version() {
        assert!(is_of("1.91-x86_64-unknown-linux-gnu", "1.91"));
        assert!(is_of("1.91.0-x86_64-unknown-linux-gnu (default)", "1.91.0"));
        assert!(!is_of("1.9-x86_64-unknown-linux-gnu", "1.91"));
        assert!(!is_of("stable-x86_64-unknown-linux-gnu", "1.91"));
    }

    #[test]
    fn dependencies_that_need_a_newer_rust_are_named() {
        let metadata = json!({ "packages": [
            { "name": "old", "rust_version": "1.9" },
            { "name": "same", "rust_version": "1.91.0" },
            { "name": "silent", "rust_version": null },
            { "name": "new", "rust_version": "1.91.1" },
        ] });
        assert_eq!(newer_than("1.91", &metadata), ["new (1.91.1)"]);
    }
}
