//! The parts of `docs/cli.md` that are made from the tables in the code.
//!
//! A test fails if they are stale. This command writes them:
//! `UPDATE_REFERENCE=1 cargo test -p oneworker --lib reference`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::config::{ConfigFile, DEFINITIONS, Definition, Form, Group, Heading, Key, Scope};
use crate::errors;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");

/// A table of settings for each heading.
fn settings() -> String {
    let mut text = String::new();
    for heading in Heading::ALL {
        let rows = || DEFINITIONS.iter().filter(|row| row.heading == heading && row.group != Group::Words);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "### {}\n", heading.as_str());
        text.push_str("| in the file | variable | flag | default | used by | meaning |\n");
        text.push_str("| --- | --- | --- | --- | --- | --- |\n");
        for row in rows() {
            let Definition { variable, scope, help, more, .. } = row;
            let (file, flag) = (in_the_file(row), flag(row));
            let default = default(row);
            let meaning = [*help, *more].join(". ").trim_end_matches(['.', ' ']).replace('|', "\\|");
            let used_by = match scope {
                Scope::Session => "sessions",
                Scope::Worker => "the worker",
                Scope::Both => "both",
            };
            let row = format!("| {file} | `{variable}` | {flag} | {default} | {used_by} | {meaning}. |");
            let _ = writeln!(text, "{}", row.replace("  |", " |"));
        }
        text.push('\n');
    }
    text
}

/// People write tables where programs write JSON.
fn in_the_file(row: &Definition) -> String {
    match row.key {
        Key::Plan => "`[worker]`, `[[helper]]`".to_owned(),
        Key::Strays => "`[strays]`".to_owned(),
        _ => format!("`{}`", row.path),
    }
}

fn flag(row: &Definition) -> String {
    let flag = format!("`{} {}`", row.flag, row.placeholder.replace('|', "\\|"));
    if row.hidden { format!("({flag})") } else { flag }
}

fn default(row: &Definition) -> String {
    let default = (row.default)();
    if is_value(row, &default) { format!("`{default}`") } else { default }
}

/// Whether a default is a value, and not a description of one.
fn is_value(row: &Definition, default: &str) -> bool {
    !default.is_empty() && (row.check)(default.as_ref()).is_ok()
}

/// A configuration file in which everything is as it is without one.
fn file() -> String {
    let keys = || Key::ALL.into_iter().filter(|key| !matches!(key, Key::Plan | Key::Strays));
    let mut tables: Vec<&str> = Vec::new();
    for (table, _) in keys().map(Key::table_and_leaf) {
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    let mut text = String::new();
    for table in tables {
        if !table.is_empty() {
            let _ = writeln!(text, "\n[{table}]");
        }
        for key in keys().filter(|key| key.table_and_leaf().0 == table) {
            let (row, leaf) = (key.definition(), key.table_and_leaf().1);
            let default = (row.default)();
            let _ = match row.form {
                Form::List => writeln!(text, "{leaf} = []"),
                _ if !is_value(row, &default) => writeln!(text, "# {leaf} = …  # {default}"),
                Form::Number | Form::TextOrNumber if default.parse::<u64>().is_ok() => {
                    writeln!(text, "{leaf} = {default}")
                }
                _ => writeln!(text, "{leaf} = {default:?}"),
            };
        }
    }
    text
}

/// The table of errors.
fn errors() -> String {
    let mut text = "| exit | code | meaning | fields |\n| --- | --- | --- | --- |\n".to_owned();
    for kind in errors::TABLE {
        let fields: Vec<_> = kind.fields.iter().map(|field| format!("`{field}`")).collect();
        let (code, exit, meaning) = (kind.code, kind.exit.0, kind.meaning);
        let row = format!("| {exit} | `{code}` | {meaning} | {} |", fields.join(", "));
        let _ = writeln!(text, "{}", row.replace("  |", " |"));
    }
    text
}

/// The document with the part that has this name replaced by `text`.
fn with_part(document: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end: {name} -->"));
    let (before, rest) = document.split_once(&begin).unwrap_or_else(|| panic!("no {begin:?} in {DOCUMENT}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end:?} in {DOCUMENT}"));
    format!("{before}{begin}\n{}\n\n{end}{after}", text.trim_end())
}

#[test]
fn the_generated_parts_of_the_reference_are_up_to_date() {
    let path = Path::new(DOCUMENT);
    let written = fs::read_to_string(path).unwrap();
    let made = with_part(&written, "settings", &settings());
    let made = with_part(&made, "errors", &errors());
    let made = with_part(&made, "file", &format!("```toml\n{}```", file()));
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(path, &made).unwrap();
        return;
    }
    let stale = made.lines().zip(written.lines()).find(|(made, written)| made != written);
    let hint = "run `UPDATE_REFERENCE=1 cargo test -p oneworker --lib reference`";
    assert!(made == written, "{DOCUMENT} is stale: {hint}; the first line that differs: {stale:?}");
}

#[test]
fn the_file_in_the_reference_says_what_is_the_default_anyway() {
    ConfigFile::parse(Path::new("oneworker.toml"), &file()).unwrap();
}
