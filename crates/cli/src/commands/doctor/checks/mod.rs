//! The checks, one file each.

mod clock;
mod database;
mod directory;
mod file_system;
mod files;
pub(super) mod locks;
mod logs;
mod namesakes;
mod orphans;
mod port;
mod record;
mod space;
mod surroundings;
mod versions;

use super::case::Case;
use super::finding::Finding;

/// Looks for one kind of fault.
pub(super) type Check = fn(&Case<'_>) -> Vec<Finding>;

/// Each with its name, in the order in which one fault explains those after it.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("directory", directory::examine),
    ("files", files::examine),
    ("file_system", file_system::examine),
    ("locks", locks::examine),
    ("space", space::examine),
    ("surroundings", surroundings::examine),
    ("record", record::examine),
    ("port", port::examine),
    ("versions", versions::examine),
    ("database", database::examine),
    ("clock", clock::examine),
    ("orphans", orphans::examine),
    ("logs", logs::examine),
    ("namesakes", namesakes::examine),
];
