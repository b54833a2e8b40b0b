//! The files in the state directory are this user's own plain files. Those of another user were left by a `sudo`, say.

use super::{Case, Finding};

#[cfg(unix)]
pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    use std::os::unix::fs::MetadataExt;

    use coordinator::layout;

    let me = rustix::process::geteuid().as_raw();
    let mut findings = Vec::new();
    for dir in [case.dir.to_owned(), case.dir.join(layout::LOG_DIR)] {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(found) = path.symlink_metadata() else { continue };
            if found.uid() != me {
                let message = format!("{} belongs to user {}, as after a sudo", path.display(), found.uid());
                findings.push(Finding::problem(message, format!("sudo chown -h {me} {}", path.display())));
            }
            if path.extension().is_some_and(|extension| extension == "lock") && !found.is_file() {
                let message = format!("the lock file {} is no plain file", path.display());
                findings.push(Finding::problem(message, "Stop the worker and remove it: it is made again."));
            }
        }
    }
    findings
}

#[cfg(not(unix))]
pub(super) fn examine(_: &Case<'_>) -> Vec<Finding> {
    Vec::new()
}
