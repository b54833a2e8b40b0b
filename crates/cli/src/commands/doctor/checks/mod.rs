//! The checks, one file each.

mod clock;
mod config;
mod database;
mod directory;
mod epoch;
mod file_system;
mod files;
mod hooks;
mod launches;
mod leftovers;
pub(super) mod locks;
mod logs;
mod namesakes;
mod notes;
mod orphans;
mod port;
mod record;
mod sandbox;
mod service;
mod space;
mod surroundings;
mod versions;

use super::case::Case;
use super::finding::Finding;

/// Looks for one kind of fault.
pub(super) type Check = fn(&Case<'_>) -> Vec<Finding>;

/// Whatever keeps the settings from being read is found before any other check can know what it is about.
pub(super) const CONFIG: &str = "config";

/// Each with its name, in the order in which one fault explains those after it.
pub(super) const CHECKS: &[(&str, Check)] = &[
    (CONFIG, config::examine),
    ("directory", directory::examine),
    ("files", files::examine),
    ("file_system", file_system::examine),
    ("locks", locks::examine),
    ("sandbox", sandbox::examine),
    ("space", space::examine),
    ("surroundings", surroundings::examine),
    ("record", record::examine),
    ("notes", notes::examine),
    ("launches", launches::examine),
    ("epoch", epoch::examine),
    ("port", port::examine),
    ("versions", versions::examine),
    ("hooks", hooks::examine),
    ("service", service::examine),
    ("database", database::examine),
    ("clock", clock::examine),
    ("orphans", orphans::examine),
    ("leftovers", leftovers::examine),
    ("logs", logs::examine),
    ("namesakes", namesakes::examine),
];
