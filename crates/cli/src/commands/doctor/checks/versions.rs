//! The worker in office is of this version, and of a program that is still there; and so is every install that a session may come to.

use std::path::Path;

use super::{Case, Finding};
use crate::installs;
use crate::version;

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = of_worker(case);
    findings.extend(of_installs());
    findings
}

fn of_worker(case: &Case<'_>) -> Vec<Finding> {
    let Some(record) = case.office() else { return Vec::new() };
    let mut findings = Vec::new();
    let here = version::of_this_program();
    let help = format!("{} starts one of this program.", case.words.command("restart"));
    if record.version.to_string() != here {
        let program = record.program.display();
        let message = format!(
            "the worker in office is of version {} ({program}), and this program of {here}",
            record.version
        );
        findings.push(Finding::warning(message, help.clone()));
    }
    let program = record.program.to_string_lossy();
    let path = Path::new(program.strip_suffix(" (deleted)").unwrap_or(&program));
    if matches!(path.try_exists(), Ok(false)) {
        findings.push(Finding::warning(
            format!("the program of the worker in office is gone: {}", path.display()),
            help,
        ));
    }
    findings
}

/// Those in `PATH` that are of another version.
fn of_installs() -> Vec<Finding> {
    let here = version::of_this_program();
    let me = std::env::current_exe().and_then(|me| me.canonicalize()).ok();
    let others = installs::in_path().into_iter().filter(|program| Some(program) != me.as_ref());
    let differ = others.filter_map(|program| {
        let there = installs::version_of(&program).filter(|there| there.to_string() != here)?;
        let me = me.as_ref().map(|me| me.display().to_string()).unwrap_or_default();
        let message = format!(
            "there are two installs: {} in PATH is of version {there}, and {me} of {here}",
            program.display()
        );
        let help = "Sessions of both share one worker. Remove the one that is not wanted, or bring both to one version.";
        Some(Finding::warning(message, help))
    });
    differ.collect()
}
