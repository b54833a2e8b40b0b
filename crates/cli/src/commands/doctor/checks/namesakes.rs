//! The identity's name has no second state directory: sessions that use it would have a worker of their own.

use std::path::{Path, PathBuf};

use coordinator::layout;
use coordinator::record::{READ_LIMIT, Record, parse};

use super::notes::contents;
use super::{Case, Finding};
use crate::census::tenures;

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let name = case.settings.name.value.as_str();
    let working = in_office(case);
    let mut findings: Vec<Finding> = working
        .iter()
        .map(|(dir, record)| {
            let message = format!(
                "there is another worker of {name:?} (pid {}), in the state directory {}",
                record.process.pid,
                dir.display()
            );
            Finding::warning(message, HELP)
        })
        .collect();
    let idle = usual(case).into_iter().filter(|dir| !working.iter().any(|(other, _)| other == dir));
    findings.extend(idle.map(|dir| {
        let message = format!("there is another state directory of {name:?}: {}", dir.display());
        Finding::warning(message, HELP)
    }));
    findings
}

const HELP: &str = "Sessions that use the other one have another worker. Make all of them use the same, and purge the other one.";

/// Those with a worker of this name in office, wherever they are.
fn in_office(case: &Case<'_>) -> Vec<(PathBuf, Record)> {
    let pids = case.census.iter().flat_map(|census| census.mine.keys());
    let mut dirs: Vec<PathBuf> = pids.flat_map(|pid| tenures(*pid)).collect();
    dirs.sort();
    dirs.dedup();
    dirs.retain(|dir| is_another(case, dir));
    let of_name = |dir: PathBuf| {
        let record: Record = parse(&contents(&dir.join(layout::RECORD), READ_LIMIT)?)?;
        (record.name == case.settings.name.value).then_some((dir, record))
    };
    dirs.into_iter().filter_map(of_name).collect()
}

/// Those where a session would look without being told.
fn usual(case: &Case<'_>) -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let mut places = vec![variable("XDG_STATE_HOME"), variable("HOME").map(|home| home.join(".local/state"))];
    let root = case.dir.parent().and_then(Path::file_name).filter(|root| *root == "oneworker");
    if root.is_none() {
        // This one was named; the usual one may be there too.
        let usual = coordinator::default_state_dir(&case.settings.name.value).ok();
        places.push(usual.and_then(|dir| Some(dir.parent()?.parent()?.to_owned())));
    }
    let mut found: Vec<PathBuf> = places
        .into_iter()
        .flatten()
        .map(|place| place.join("oneworker").join(case.settings.name.value.as_str()))
        .filter(|dir| dir.join(layout::WORKER_LOCK).exists())
        .collect();
    found.sort();
    found.dedup();
    found.retain(|dir| is_another(case, dir));
    found
}

fn is_another(case: &Case<'_>, dir: &Path) -> bool {
    dir.canonicalize().ok() != case.dir.canonicalize().ok()
}
