//! Nothing is left of past tenures, and there are no strays.

use coordinator::proof::identity_digest;
use coordinator::tree::Marker;

use super::{Case, Finding};
use crate::census::{Facts, Tenant, descendants, strays};

pub(super) fn examine(case: &Case<'_>) -> Vec<Finding> {
    let Some(census) = &case.census else { return Vec::new() };
    let digest = identity_digest(&case.settings.name.value, &case.here.user, case.dir);
    let of_it = |facts: &&Facts| {
        facts.variable(Marker::VARIABLE).is_some_and(|mark| mark.starts_with(&format!("{digest}.")))
    };
    let office = case.sight.as_ref().ok().and_then(|sight| sight.holder);
    let guardian = case.office().and_then(|record| record.guardian.as_ref()).map(|guardian| guardian.pid);
    let mut tree: std::collections::HashSet<_> = office.iter().chain(&guardian).copied().collect();
    let below: Vec<_> = tree.iter().flat_map(|root| descendants(&census.parents, *root)).collect();
    tree.extend(below);
    let mut findings = Vec::new();
    for facts in census.mine.values().filter(of_it).filter(|facts| !tree.contains(&facts.identity.pid)) {
        let message = format!("{} (pid {}) is left of a past tenure", facts.name(), facts.identity.pid);
        findings.push(Finding::warning(message, "The next worker ends it before it serves."));
    }
    let me = coordinator::machine::Pid(std::process::id());
    let strays = strays(census, &case.settings.strays.value, &[Tenant::default()], &tree, me);
    if !strays.is_empty() {
        let help =
            format!("{} shows them, and {} ends them.", case.words.command("ps"), case.words.command("reap"));
        findings.push(Finding::problem(
            format!("{} processes look like the worker's program and belong to no worker", strays.len()),
            help,
        ));
    }
    findings
}
