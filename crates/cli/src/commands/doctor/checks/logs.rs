//! The logs can be written to, and have the size that they are to have.

use coordinator::layout;

use super::{Case, Finding};
use crate::commands::doctor::repair::Repair;

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let dir = case.dir.join(layout::LOG_DIR);
    let mut findings: Vec<Finding> = rights(&dir).into_iter().collect();
    let most = case.settings.log_max_bytes.value;
    // What comes between two looks of the rotation is beyond it.
    let limit = most.saturating_mul(2).max(1 << 20);
    let files = std::fs::read_dir(&dir).into_iter().flatten().flatten();
    let large = files
        .filter_map(|entry| Some((entry.path(), entry.path().symlink_metadata().ok()?)))
        .filter(|(_, found)| found.is_file() && found.len() > limit);
    findings.extend(large.map(|(path, found)| {
        let message = format!("{} has {} bytes, and is to have {most} at most", path.display(), found.len());
        let help = "A worker that runs rotates it; without one it can be removed.";
        let repair = case.vacant().then_some(Repair::Log { path, keep: most });
        Finding::warning(message, help).mended_by(repair)
    }));
    findings
}

#[cfg(unix)]
fn rights(dir: &std::path::Path) -> Option<Finding> {
    use std::os::unix::fs::MetadataExt;

    let shown = dir.display();
    let found = dir.symlink_metadata().ok()?;
    if !found.is_dir() {
        let message = format!("{shown} is no directory, so no worker can have its log");
        return Some(Finding::problem(message, "Move what is there away: it is made again."));
    }
    let mode = found.mode() & 0o777;
    (mode & 0o700 != 0o700).then(|| {
        let message = format!("{shown} can't be written to by its own user (mode {mode:o})");
        let repair = Repair::Rights { path: dir.to_owned(), mode: 0o700 };
        Finding::problem(message, format!("chmod 700 {shown}")).mended_by(repair)
    })
}

#[cfg(not(unix))]
fn rights(_: &std::path::Path) -> Option<Finding> {
    None
}
