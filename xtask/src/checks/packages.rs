//! The crates that are published, one at a time.

use std::io::Write as _;

use serde_json::Value;

use super::lints::DENY_WARNINGS;
use super::shown::{cargo, output, run};
use super::verdict::Verdict;
use crate::error::Error;

/// What a published archive has beside its sources.
const FILES: [&str; 3] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];
/// What a registry shows of a package.
const FIELDS: [&str; 6] = ["description", "license", "readme", "repository", "keywords", "rust_version"];

/// A package of this workspace that may be published.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    /// Its features, `default` among them if it has that.
    features: Vec<String>,
    /// Which of [`FIELDS`] are missing or empty.
    lacks: Vec<&'static str>,
}

/// The packages of this workspace that may be published.
pub(super) fn published() -> Result<Vec<Package>, Error> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1", "--no-deps"]);
    let metadata = parsed(&output(command)?)?;
    let packages: Vec<_> =
        list(&metadata["packages"]).filter(|package| is_published(package)).map(described).collect();
    Ok(packages)
}

/// What `cargo metadata` prints.
pub(super) fn parsed(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| Error::Unmet {
        what: "the output of `cargo metadata`".to_owned(),
        found: error.to_string(),
        wanted: "Use a newer cargo, or fix this reader",
    })
}

/// The elements of a JSON array.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `publish = false` is an empty list of registries.
fn is_published(package: &Value) -> bool {
    package["publish"].as_array().is_none_or(|registries| !registries.is_empty())
}

fn described(package: &Value) -> Package {
    let is_empty = |field: &&str| match &package[*field] {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        _ => false,
    };
    Package {
        name: package["name"].as_str().unwrap_or_default().to_owned(),
        features: package["features"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect(),
        lacks: FIELDS.into_iter().filter(is_empty).collect(),
    }
}

/// Which sets of features a package is built with alone, as arguments of cargo.
fn feature_sets(features: &[String]) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let mut sets = vec![words(&["--no-default-features"])];
    sets.extend(features.iter().map(|feature| words(&["--no-default-features", "--features", feature])));
    // One feature by itself is all of them.
    if features.len() > 1 {
        sets.push(words(&["--all-features"]));
    }
    sets
}

/// Alone, since a build of the whole workspace gives each crate the features that any other asks for. And as it ships: what is there for
/// tests is compiled with `debug_assertions` only.
pub(super) fn features() -> Result<Verdict, Error> {
    let packages = published()?;
    for package in &packages {
        for set in feature_sets(&package.features) {
            let mut command = cargo();
            command.args(["clippy", "--quiet", "--package", &package.name]).args(&set);
            for package in &packages {
                let name = &package.name;
                command.arg(format!("--config=profile.dev.package.{name}.debug-assertions=false"));
            }
            command.args(DENY_WARNINGS);
            let _ = writeln!(std::io::stdout(), "{} {}", package.name, set.join(" "));
            run(command)?;
        }
    }
    Ok(Verdict::Passed)
}

pub(super) fn package() -> Result<Verdict, Error> {
    let packages = published()?;
    let mut lacking = Vec::new();
    for package in &packages {
        lacking.extend(package.lacks.iter().map(|field| format!("{}: no `{field}`", package.name)));
        let mut command = cargo();
        command.args(["package", "--list", "--allow-dirty", "--package", &package.name]);
        let files = output(command)?;
        let missing = FILES.into_iter().filter(|file| !files.lines().any(|line| line == *file));
        lacking.extend(missing.map(|file| format!("{}: no {file} in its archive", package.name)));
    }
    if !lacking.is_empty() {
        return Err(Error::Unmet {
            what: "what is published".to_owned(),
            found: lacking.join("; "),
            wanted: "Every published crate has these fields in its manifest and these files in its directory",
        });
    }
    let mut command = cargo();
    command.args(["package", "--quiet", "--no-verify", "--allow-dirty"]);
    command.args(packages.iter().flat_map(|package| ["--package", &package.name]));
    run(command)?;
    Ok(Verdict::Passed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{described, feature_sets, is_published};

    #[test]
    fn only_an_empty_list_of_registries_keeps_a_package_private() {
        assert!(is_published(&json!({ "publish": null })));
        assert!(is_published(&json!({ "publish": ["a-registry"] })));
        assert!(!is_published(&json!({ "publish": [] })));
    }

    #[test]
    fn each_feature_is_built_by_itself() {
        let sets = |features: &[&str]| {
            let features: Vec<_> = features.iter().map(|&feature| feature.to_owned()).collect();
            feature_sets(&features).iter().map(|set| set.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(sets(&[]), ["--no-default-features"]);
        assert_eq!(sets(&["a"]), ["--no-default-features", "--no-default-features --features a"]);
        assert_eq!(
            sets(&["a", "b"]),
            [
                "--no-default-features",
                "--no-default-features --features a",
                "--no-default-features --features b",
                "--all-features"
            ]
        );
    }

    #[test]
    fn missing_and_empty_fields_are_named() {
        let package = described(&json!({
            "name": "p", "features": {}, "description": "d", "license": "l", "readme": null,
            "repository": "r", "keywords": [], "rust_version": "1.91"
        }));
        assert_eq!(package.lacks, ["readme", "keywords"]);
    }
}
