//! Whoever is in office is where a pid and an address mean the same as here: this machine, this pid and network namespace.

use super::{Case, Finding};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let record =
        case.sight.as_ref().ok().filter(|sight| sight.in_office).and_then(|sight| sight.record.as_ref());
    let Some(record) = record else { return Vec::new() };
    let (there, here) = (&record.surroundings, &case.here);
    let differs = [
        ("on another machine", &there.host, &here.host),
        ("in another pid namespace (a container?)", &there.pid_namespace, &here.pid_namespace),
        ("in another network namespace (a container?)", &there.net_namespace, &here.net_namespace),
    ];
    let found = differs.into_iter().find(|(_, there, here)| !there.is_empty() && there != here);
    let words = |(place, there, here): (&str, &String, &String)| {
        let message = format!("the worker in office runs {place}: {there:?} there, {here:?} here");
        let help = "End it where it runs, or give the sessions here a state directory of their own with --state-dir.";
        Finding::problem(message, help)
    };
    found.map(words).into_iter().collect()
}
