//! What a process has open can't be seen here.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use coordinator::machine::Pid;

/// None that it is known of.
pub(crate) fn holds<'a>(_: Pid, _: &[&'a Path]) -> Vec<&'a Path> {
    Vec::new()
}

/// Not that it is known.
pub(crate) fn has_tenure(_: Pid) -> bool {
    false
}

/// None that it is known of.
pub(crate) fn tenures(_: Pid) -> Vec<PathBuf> {
    Vec::new()
}

/// Not known.
pub(crate) fn connections(_: &HashSet<Pid>) -> Option<HashSet<u16>> {
    None
}
