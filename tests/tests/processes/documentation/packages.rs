//! What documents say of packages and of what they depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::workspace;

/// The packages of this workspace, each with the names of what it depends on, tests apart.
pub(super) fn packages() -> BTreeMap<String, BTreeSet<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(workspace());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            let used = dependencies.filter(|dependency| dependency["kind"].is_null());
            (text(&package["name"]), used.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

/// The words in backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The rows of the table with this heading, as the words in backticks of the two columns.
fn rows(document: &str, heading: &str) -> Vec<[BTreeSet<String>; 2]> {
    let (_, table) = document.split_once(heading).unwrap_or_else(|| panic!("no table {heading:?}"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.trim_start_matches('|').split('|').map(quoted);
        [cells.next().unwrap(), cells.next().unwrap()]
    })
    .collect()
}

#[test]
fn the_diagram_of_crates_is_what_depends_on_what() {
    let document = fs::read_to_string(workspace().join("docs/architecture.md")).unwrap();
    let packages = packages();
    let mut drawn = BTreeMap::new();
    for [names, uses] in rows(&document, "| package | uses of ours |") {
        drawn.extend(names.into_iter().map(|name| (name, uses.clone())));
    }
    let ours = |names: &BTreeSet<String>| -> BTreeSet<String> {
        names.iter().filter(|name| packages.contains_key(*name)).cloned().collect()
    };
    let real = packages.iter().filter(|(name, _)| drawn.contains_key(*name));
    let real: BTreeMap<_, _> = real.map(|(name, uses)| (name.clone(), ours(uses))).collect();
    assert_eq!(drawn, real);
    let crates = fs::read_dir(workspace().join("crates")).unwrap().count();
    assert_eq!(drawn.len(), crates, "the table has a row for each folder of crates/");
}

#[test]
fn the_table_of_dependencies_says_which_crate_uses_which() {
    let document = fs::read_to_string(workspace().join("docs/dependencies.md")).unwrap();
    let packages = packages();
    let rows = rows(&document, "| dependency | used by |");
    let users = |dependency: &str| -> BTreeSet<String> {
        let uses = |(_, dependencies): &(&String, &BTreeSet<String>)| dependencies.contains(dependency);
        packages.iter().filter(uses).map(|(name, _)| short(name)).collect()
    };
    // Packages below `tests/` and `benches/` and dependencies of tests need no row.
    let shipped = |user: &String| workspace().join("crates").join(user).is_dir() || user == "xtask";
    let mut listed = BTreeSet::new();
    for [dependencies, used_by] in rows {
        for dependency in dependencies {
            let real: BTreeSet<String> = users(&dependency).into_iter().filter(shipped).collect();
            let said: BTreeSet<String> = used_by.iter().filter(|user| shipped(user)).cloned().collect();
            assert_eq!(said, real, "{dependency}");
            listed.insert(dependency);
        }
    }
    for (name, dependencies) in packages.iter().filter(|(name, _)| shipped(&short(name))) {
        for dependency in dependencies.iter().filter(|dependency| !packages.contains_key(*dependency)) {
            assert!(listed.contains(dependency), "no row for {dependency}, which {name} uses");
        }
    }
}

/// The folder of a package.
fn short(package: &str) -> String {
    match package {
        "oneworker" => "cli".to_owned(),
        _ => package.trim_start_matches("oneworker-").to_owned(),
    }
}
