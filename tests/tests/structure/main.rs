//! How the sources of the crates are laid out: files import each other in one direction, and a module is found by its name.

// All of this is test code.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod circles;
mod imports;
mod module;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};

use module::Crate;

/// The crates below `crates/`.
fn crates() -> Vec<Crate> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let entries = fs::read_dir(workspace.join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let mut sources: Vec<PathBuf> =
        entries.map(|dir| dir.join("src")).filter(|src| src.join("lib.rs").exists()).collect();
    sources.sort();
    let read = |path: &Path| fs::read_to_string(path).ok();
    let crates: Vec<Crate> = sources.iter().map(|src| Crate::read(src, &read)).collect();
    assert!(crates.iter().map(|found| found.modules.len()).sum::<usize>() > 100, "the sources are found");
    crates
}

fn shown(lines: &[String]) -> String {
    lines.join("\n")
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circles: Vec<String> = crates().iter().flat_map(circles::of).collect();
    assert!(circles.is_empty(), "\n{}", shown(&circles));
}

#[test]
fn every_module_lies_where_its_name_says() {
    let moved: Vec<String> = crates().into_iter().flat_map(|found| found.moved).collect();
    assert!(moved.is_empty(), "modules with #[path]:\n{}", shown(&moved));
}

#[test]
fn a_mod_file_is_only_a_table_of_contents() {
    let logic: Vec<String> = crates().iter().flat_map(Crate::mod_files_with_logic).collect();
    assert!(logic.is_empty(), "mod.rs files with more than `mod` and `use`:\n{}", shown(&logic));
}
