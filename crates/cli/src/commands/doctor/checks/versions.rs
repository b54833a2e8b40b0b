//! The worker in office is of this version, and of a program that is still there.

use super::{Case, Finding};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let Some(record) = case.office() else { return Vec::new() };
    let mut findings = Vec::new();
    let here = env!("CARGO_PKG_VERSION");
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
    let path = std::path::Path::new(program.strip_suffix(" (deleted)").unwrap_or(&program));
    if matches!(path.try_exists(), Ok(false)) {
        findings.push(Finding::warning(
            format!("the program of the worker in office is gone: {}", path.display()),
            help,
        ));
    }
    findings
}
