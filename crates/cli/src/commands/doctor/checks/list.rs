//! All checks, in their order.

use super::{
    Case, Finding, clock, config, database, directory, epoch, file_system, files, hooks, launches, leftovers,
    locks, logs, namesakes, notes, orphans, port, record, sandbox, service, space, surroundings, versions,
};

/// Finds one kind of fault.
pub(in super::super) type Check = fn(&Case<'_>) -> Vec<Finding>;

/// Whatever keeps the settings from being read is found before any other check can know what it is about.
pub(in super::super) const CONFIG: &str = "config";

/// Each with its name, in the order in which one fault explains those after it.
pub(in super::super) const CHECKS: &[(&str, Check)] = &[
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
