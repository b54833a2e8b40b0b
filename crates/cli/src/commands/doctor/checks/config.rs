//! The configuration is this user's alone to write: it says what the worker runs.

use super::{Case, Finding};

#[cfg(unix)]
pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    use std::os::unix::fs::MetadataExt;

    use super::super::repair::Repair;

    let Some((located, true)) = &case.settings.file else { return Vec::new() };
    // What it leads to counts, if it is a link.
    let Some((path, found)) =
        located.path.canonicalize().ok().and_then(|path| Some((path.clone(), path.metadata().ok()?)))
    else {
        return Vec::new();
    };
    if found.mode() & 0o002 == 0 {
        return Vec::new();
    }
    let (shown, mode) = (path.display(), found.mode() & 0o777);
    let finding = Finding::problem(
        format!("{shown} can be written to by every user (mode {mode:o}), and says what the worker runs"),
        format!("chmod o-w {shown}"),
    );
    let mine = found.uid() == rustix::process::geteuid().as_raw();
    vec![finding.mended_by(mine.then_some(Repair::Rights { path, mode: mode & !0o002 }))]
}

#[cfg(not(unix))]
pub(super) fn examine(_: &Case<'_>) -> Vec<Finding> {
    Vec::new()
}
