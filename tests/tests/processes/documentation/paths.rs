//! Paths, files and packages that documents name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::packages::packages;
use super::workspace;

/// The folders whose files are named from the workspace's directory.
const FOLDERS: [&str; 9] =
    ["crates/", "tests/", "docs/", "ci/", "xtask/", "fuzz/", "benches/", "packaging/", "plugin/"];
/// What a command makes, so that it is not always there.
const MADE: [&str; 1] = ["fuzz/found/"];

/// All files of the workspace, from its directory.
fn files() -> Vec<PathBuf> {
    fn below(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()) {
            let (name, path) = (entry.file_name(), entry.path());
            if !entry.file_type().unwrap().is_dir() {
                found.push(path);
            } else if name != "target" && name != ".git" {
                below(&path, found);
            }
        }
    }
    let (root, mut found) = (workspace().canonicalize().unwrap(), Vec::new());
    below(&root, &mut found);
    found.iter().map(|path| path.strip_prefix(&root).unwrap().to_owned()).collect()
}

/// The parts of a Markdown text that are code: in backticks, and the lines of fenced blocks.
fn code(document: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (n, part) in document.split("```").enumerate() {
        match n % 2 {
            0 => found.extend(part.split('`').skip(1).step_by(2)),
            _ => found.extend(part.lines().skip(1)),
        }
    }
    found
}

/// The targets of links within the repository.
fn links(document: &str) -> Vec<&str> {
    let targets = document.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let targets = targets.map(|(target, _)| target.split('#').next().unwrap_or_default());
    targets.filter(|target| !target.is_empty() && !target.contains(':')).collect()
}

/// The words of code that can be paths. `{a,b}` stands for two of them.
fn words(code: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./{},".contains(c);
    let mut found = Vec::new();
    for word in code.split(|c: char| !is_part(c)) {
        let word = word.trim_start_matches("./").trim_end_matches(['.', ',']);
        match word.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
            Some((before, (names, after))) => {
                found.extend(names.split(',').map(|name| format!("{before}{name}{after}")));
            }
            None => found.push(word.to_owned()),
        }
    }
    found
}

/// The packages that lines of cargo name, without placeholders.
fn named_packages(code: &str) -> Vec<&str> {
    let words: Vec<_> = code.split_whitespace().collect();
    let cargo = words.iter().position(|word| word.ends_with("cargo")).unwrap_or(words.len());
    let pairs = words[cargo..].windows(2).filter(|pair| ["-p", "--package"].contains(&pair[0]));
    pairs.map(|pair| pair[1]).filter(|name| name.to_uppercase() != **name).collect()
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

/// The names in this document that lead nowhere.
fn stale(path: &Path, document: &str, files: &[PathBuf], packages: &BTreeSet<String>) -> Vec<String> {
    let exists = |path: &Path| files.iter().any(|file| file.starts_with(path));
    // Of a path with a placeholder, what comes before that.
    let known_part = |word: &str| {
        let is_placeholder =
            |part: &&str| part.len() > 1 && part.to_uppercase() == **part && !part.contains('.');
        let parts: Vec<_> = word.split('/').take_while(|part| !is_placeholder(part)).collect();
        parts.join("/")
    };
    let mut found = Vec::new();
    for code in code(document) {
        for word in words(code) {
            let from_root = FOLDERS.iter().any(|folder| word.starts_with(folder));
            let is_made = MADE.iter().any(|made| word.starts_with(made));
            let is_file = word.ends_with(".rs") && !word.starts_with('/');
            let leads_nowhere = match from_root {
                true => !is_made && !exists(Path::new(&known_part(&word))),
                false => is_file && !files.iter().any(|file| file.ends_with(&word)),
            };
            if leads_nowhere {
                found.push(word);
            }
        }
        let unknown = named_packages(code).into_iter().filter(|name| !packages.contains(*name));
        found.extend(unknown.map(|name| format!("-p {name}")));
    }
    let dir = path.parent().unwrap();
    let broken = links(document).into_iter().filter(|target| !exists(&normal(&dir.join(target))));
    found.extend(broken.map(str::to_owned));
    found
}

#[test]
fn every_path_that_a_document_names_exists() {
    let (files, mut packages) = (files(), packages().into_keys().collect::<BTreeSet<_>>());
    // Not a member of this workspace.
    packages.insert("oneworker-fuzz".to_owned());
    let is_document = |path: &&PathBuf| {
        path.extension().is_some_and(|extension| extension == "md") && !path.ends_with("CHANGELOG.md")
    };
    let (mut documents, mut wrong) = (0, Vec::new());
    for path in files.iter().filter(is_document) {
        let document = fs::read_to_string(workspace().join(path)).unwrap();
        let stale = stale(path, &document, &files, &packages);
        wrong.extend(stale.iter().map(|name| format!("{}: {name}", path.display())));
        documents += 1;
    }
    assert!(documents > 30, "hardly a document was found: this test shows nothing");
    assert!(wrong.is_empty(), "documents name what does not exist:\n{}", wrong.join("\n"));
}

#[test]
fn names_that_lead_nowhere_are_found() {
    let files = ["crates/a/src/lib.rs", "crates/a/src/b/mod.rs", "docs/x.md"].map(PathBuf::from);
    let packages = BTreeSet::from(["a".to_owned()]);
    let stale = |document: &str| stale(Path::new("docs/x.md"), document, &files, &packages);
    let good = "`crates/a/src/{lib.rs,b}`, `crates/a/NAME/x`, `b/mod.rs`, [x](x.md#there), \
                [l](../crates/a), crates/none\n```sh\ncargo test -p a -p CRATE\n```\n";
    assert_eq!(stale(good), [""; 0]);
    assert_eq!(stale("`crates/a/src/{lib.rs,c}`"), ["crates/a/src/c"]);
    assert_eq!(stale("`c/mod.rs::test`"), ["c/mod.rs"]);
    assert_eq!(stale("[x](y.md), [web](https://example.org/y.md)"), ["y.md"]);
    assert_eq!(stale("```sh\ncargo test -p b --lib\ncd -p c\n```\n"), ["-p b"]);
}
