//! There is room for the record, the database and the logs.

use super::{Case, Finding};

/// Less than this is soon nothing.
#[cfg(unix)]
const LITTLE: u64 = 64 << 20;

#[cfg(unix)]
pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let Some(place) = case.dir.ancestors().find(|dir| dir.exists()) else { return Vec::new() };
    match rustix::fs::statvfs(place) {
        Ok(found) => judge(
            place,
            found.f_bavail.saturating_mul(found.f_frsize),
            found.f_files > 0 && found.f_favail == 0,
        ),
        Err(_) => Vec::new(),
    }
}

#[cfg(unix)]
fn judge(place: &std::path::Path, bytes: u64, no_files: bool) -> Vec<Finding> {
    let shown = place.display();
    let help = "Free some space on this file system.";
    if no_files {
        return vec![Finding::problem(
            format!("no more files can be made on the file system of {shown}"),
            help,
        )];
    }
    match bytes {
        0 => vec![Finding::problem(format!("the disk of {shown} is full"), help)],
        bytes if bytes < LITTLE => {
            vec![Finding::warning(format!("the disk of {shown} has only {bytes} bytes left"), help)]
        }
        _ => Vec::new(),
    }
}

#[cfg(not(unix))]
pub(super) fn examine(_: &Case<'_>) -> Vec<Finding> {
    Vec::new()
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::super::finding::Level;
    use super::*;

    #[test]
    fn a_full_disk_is_a_problem_and_one_that_is_soon_full_a_warning() {
        let level = |bytes, no_files| {
            judge(std::path::Path::new("/"), bytes, no_files).first().map(|finding| finding.level)
        };
        assert_eq!(level(0, false), Some(Level::Problem));
        assert_eq!(level(LITTLE - 1, false), Some(Level::Warning));
        assert_eq!(level(LITTLE, false), None);
        assert_eq!(level(LITTLE, true), Some(Level::Problem));
    }
}
