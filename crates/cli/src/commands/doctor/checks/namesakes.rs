//! The identity's name has no second state directory: sessions that use it would have a worker of their own.

use std::path::PathBuf;

use super::{Case, Finding};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let name = case.settings.name.value.as_str();
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let mut places = vec![variable("XDG_STATE_HOME"), variable("HOME").map(|home| home.join(".local/state"))];
    let root = case.dir.parent().and_then(std::path::Path::file_name).filter(|root| *root == "oneworker");
    if root.is_none() {
        // This one was named; the usual one may be there too.
        let usual = coordinator::default_state_dir(&case.settings.name.value).ok();
        places.push(usual.and_then(|dir| Some(dir.parent()?.parent()?.to_owned())));
    }
    let mut found: Vec<PathBuf> = places
        .into_iter()
        .flatten()
        .map(|place| place.join("oneworker").join(name))
        .filter(|dir| dir.join(coordinator::layout::WORKER_LOCK).exists())
        .collect();
    found.sort();
    found.dedup();
    let same = |dir: &PathBuf| dir.canonicalize().ok() == case.dir.canonicalize().ok();
    found.retain(|dir| !same(dir));
    found
        .into_iter()
        .map(|dir| {
            let message = format!("there is another state directory of {name:?}: {}", dir.display());
            Finding::warning(message, "Sessions that use the other one have another worker. Make all of them use the same, and purge the other one.")
        })
        .collect()
}
