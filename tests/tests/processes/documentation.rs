//! The documentation's tables say which test shows that a failure is survived. A table that names a test which does not exist shows nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the workspace's directory.
const DOCUMENT: &str = "docs/testing/failures.md";
/// The heading of the column that names tests, as `file::name`.
const COLUMN: &str = "tests";
/// What a row without a test says.
const MISSING: &str = "not built yet";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All sources below a directory.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// What tests of this file are called by: its name, or, where that says nothing, its directory's or its crate's.
fn subject(path: &Path) -> &str {
    let own = path.file_stem().unwrap();
    let says_nothing = |name: &str| ["mod", "lib", "main", "tests", "src"].contains(&name);
    let named = std::iter::once(own).chain(path.ancestors().skip(1).filter_map(Path::file_name));
    named.map(|name| name.to_str().unwrap()).find(|name| !says_nothing(name)).unwrap()
}

/// The tests in a source: functions below an attribute that makes them one, and what `each!` makes of `fn name = argument;`.
fn tests_in(source: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        let function = line.trim_start_matches("async ").strip_prefix("fn ");
        if let Some(function) = function {
            let end =
                function.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(function.len());
            let (name, rest) = function.split_at(end);
            if is_test && rest.starts_with('(') || rest.starts_with(" = ") {
                found.push(name);
            }
        }
        is_test = line.starts_with("#[test]")
            || line.starts_with("#[tokio::test")
            || is_test && line.starts_with("#[");
    }
    found
}

/// The cells of that column, of all tables that have one, with the row that each is in.
fn cells(document: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut column = None;
    for line in document.lines() {
        let Some(row) = line.trim().strip_prefix('|') else {
            column = None;
            continue;
        };
        let cells: Vec<_> = row.trim_end_matches('|').split('|').map(str::trim).collect();
        match column {
            None => column = Some(cells.iter().position(|heading| *heading == COLUMN)),
            Some(Some(column)) if !cells[0].starts_with("--") => found.push((line, cells[column])),
            Some(_) => {}
        }
    }
    found
}

/// The tests of this workspace, by what they are about.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let mut tests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in ["crates", "tests"].iter().flat_map(|dir| sources(&workspace().join(dir))) {
        let source = fs::read_to_string(&path).unwrap();
        let names = tests_in(&source).into_iter().map(str::to_owned);
        tests.entry(subject(&path).to_owned()).or_default().extend(names);
    }
    tests
}

/// What is said to be shown on which system, by tests or by whole files of them.
#[test]
fn every_test_that_the_table_of_platforms_names_exists() {
    let (tests, document) = (tests(), fs::read_to_string(workspace().join("docs/platforms.md")).unwrap());
    let parts = document.split('`').skip(1).step_by(2).filter(|part| {
        part.contains("::") || (part.matches('_').count() > 2 && part.to_lowercase() == **part)
    });
    let mut named = 0;
    for part in parts {
        let last = part.rsplit("::").next().unwrap();
        let exists = tests.contains_key(last) || tests.values().any(|tests| tests.contains(last));
        assert!(exists, "there is no test {part}");
        named += 1;
    }
    assert!(named > 10, "it names hardly a test: this test shows nothing");
}

#[test]
fn every_test_that_the_documentation_names_exists() {
    let tests = tests();
    let document = fs::read_to_string(workspace().join(DOCUMENT)).unwrap();
    let rows = cells(&document);
    assert!(rows.len() > 20, "{DOCUMENT} has hardly a table: this test shows nothing");
    for (row, cell) in rows {
        let named: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty() || cell.contains(MISSING), "neither a test nor why there is none: {row}");
        for name in named {
            let (file, test) =
                name.split_once("::").unwrap_or_else(|| panic!("{name} is not file::name: {row}"));
            let exists = tests.get(file).is_some_and(|tests| tests.contains(test));
            assert!(exists, "there is no test {name}: {row}");
        }
    }
}

#[test]
fn only_tests_are_taken_for_tests() {
    let source = "#[test]\n#[ignore]\nfn one() {\n}\nfn helper() {}\n#[tokio::test]\nasync fn two(a: u8) {}\n  fn three = 3;\nlet fn_four = 4;";
    assert_eq!(tests_in(source), ["one", "two", "three"]);
}
