//! The files in the state directory are this user's own plain files, and nobody else's to read. Those of another user were left by a `sudo`, say.

use super::{Case, Finding};

#[cfg(unix)]
pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    use std::os::unix::fs::MetadataExt;

    use coordinator::layout;

    use super::super::repair::Repair;

    /// Made with their owner's rights alone.
    const SECRET: [&str; 3] = [layout::TOKEN, layout::PROOF_KEY, layout::RECORD];
    /// Made with the rights that new files get where the worker was started.
    const DATABASES: [&str; 2] = [layout::WORKER_DB, layout::LIFECYCLE_DB];

    let me = rustix::process::geteuid().as_raw();
    let logs = case.dir.join(layout::LOG_DIR);
    let mut findings = Vec::new();
    for dir in [case.dir, &logs] {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let Ok(found) = path.symlink_metadata() else { continue };
            let (shown, mode) = (path.display(), found.mode() & 0o777);
            if found.uid() != me {
                let message = format!("{shown} belongs to user {}, as after a sudo", found.uid());
                findings.push(Finding::problem(message, format!("sudo chown -h {me} {shown}")));
                continue;
            }
            let is_lock = name.ends_with(".lock");
            if !found.is_file() {
                let wrong = if is_lock { "the lock file" } else { "the file" };
                let known = is_lock || name == layout::EPOCH || SECRET.contains(&name.as_str());
                if known || coordinator::notes::NOTES.iter().any(|(note, _)| *note == name) {
                    let message = format!("{wrong} {shown} is no plain file");
                    let help = "Stop the worker and move it away: it is made again.";
                    findings.push(Finding::problem(message, help));
                }
                continue;
            }
            let wrong = if SECRET.contains(&name.as_str()) {
                0o077
            } else if DATABASES.iter().any(|database| name.starts_with(database)) {
                0o022
            } else {
                0
            };
            if mode & wrong != 0 {
                let message = format!("{shown} can be used by other users (mode {mode:o})");
                let finding = Finding::problem(message, format!("chmod 600 {shown}"));
                findings.push(finding.mended_by(Repair::Rights { path: path.clone(), mode: 0o600 }));
            } else if mode & 0o600 != 0o600 {
                let message = format!("{shown} is not open to its own user (mode {mode:o})");
                let finding = Finding::problem(message, format!("chmod 600 {shown}"));
                findings.push(finding.mended_by(Repair::Rights { path: path.clone(), mode: mode | 0o600 }));
            }
        }
    }
    findings
}

#[cfg(not(unix))]
pub(super) fn examine(_: &Case<'_>) -> Vec<Finding> {
    Vec::new()
}
