//! The logs have the size that they are to have.

use coordinator::layout;

use super::{Case, Finding};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let most = case.settings.log_max_bytes.value;
    // What comes between two looks of the rotation is beyond it.
    let limit = most.saturating_mul(2).max(1 << 20);
    let files = std::fs::read_dir(case.dir.join(layout::LOG_DIR)).into_iter().flatten().flatten();
    let large = files
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.len())))
        .filter(|(_, size)| *size > limit);
    large
        .map(|(path, size)| {
            let message = format!("{} has {size} bytes, and is to have {most} at most", path.display());
            Finding::warning(message, "A worker that runs rotates it; without one it can be removed.")
        })
        .collect()
}
