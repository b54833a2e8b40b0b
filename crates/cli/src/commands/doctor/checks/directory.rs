//! The state directory is a directory, is this user's, and nobody else may enter it: who can read the key can prove to be the worker.

use super::{Case, Finding};

#[cfg(unix)]
pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    use std::os::unix::fs::MetadataExt;

    use super::super::repair::Repair;

    let shown = case.dir.display();
    let found = match case.dir.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let help = "Give this user the right to enter the folders above it.";
            return vec![Finding::problem(format!("{shown} can't be looked at: {error}"), help)];
        }
    };
    let me = rustix::process::geteuid().as_raw();
    if !found.is_dir() {
        let help = "Move what is there away, or name another directory with --state-dir.";
        return vec![Finding::problem(format!("{shown} is no directory"), help)];
    }
    if found.uid() != me {
        let help = format!(
            "Run this as user {}, or give the directory back: sudo chown -R {me} {shown}",
            found.uid()
        );
        return vec![Finding::problem(
            format!("{shown} belongs to user {}, and not to {me}", found.uid()),
            help,
        )];
    }
    let mode = found.mode() & 0o777;
    let wrong = match mode {
        mode if mode & 0o077 != 0 => "is open to other users",
        mode if mode & 0o700 != 0o700 => "is not open to its own user",
        _ => return Vec::new(),
    };
    let finding = Finding::problem(format!("{shown} {wrong} (mode {mode:o})"), format!("chmod 700 {shown}"));
    vec![finding.mended_by(Repair::Rights { path: case.dir.to_owned(), mode: 0o700 })]
}

#[cfg(not(unix))]
pub(super) fn examine(_: &Case<'_>) -> Vec<Finding> {
    Vec::new()
}
