//! The program that a person has chosen, by its version or by its path.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use coordinator::lifecycle::read_history;
use semver::Version;

use crate::failure::Failure;
use crate::installs::{self, Install};
use crate::request::Request;

/// So many events name every program of an identity that is still of use.
const EVENTS: u32 = 1000;

/// The one in this version: the program that was named, or one of those that are known.
pub(super) fn find(
    request: &Request,
    version: Option<&Version>,
    named: Option<&Path>,
) -> Result<Install, Failure> {
    let programs = match named {
        Some(program) => vec![std::path::absolute(program).unwrap_or_else(|_| program.to_owned())],
        None => known(request),
    };
    let installs: Vec<Install> = programs.into_iter().filter_map(Install::ask).collect();
    let wanted =
        |install: &&Install| version.is_none_or(|version| install.version.cmp_precedence(version).is_eq());
    installs.iter().find(wanted).cloned().ok_or_else(|| not_found(version, named, &installs))
}

/// This program, those that have served or started a worker of this identity, the last one first, and those on the search path.
fn known(request: &Request) -> Vec<PathBuf> {
    let history = read_history(request.ensure.id().state_dir(), EVENTS).unwrap_or_default();
    let served = history.into_iter().rev().filter_map(|event| event.program).map(PathBuf::from);
    let mut seen = BTreeSet::new();
    std::env::current_exe()
        .into_iter()
        .chain(served)
        .chain(installs::in_path())
        .filter(|program| {
            program.is_absolute() && installs::is_program(program) && seen.insert(program.clone())
        })
        .collect()
}

fn not_found(version: Option<&Version>, named: Option<&Path>, installs: &[Install]) -> Failure {
    let message = match (version, named, installs) {
        (Some(version), Some(program), [install]) => {
            format!("{} is of version {}, not {version}", program.display(), install.version)
        }
        (_, Some(program), _) => format!("{} does not say that it is oneworker", program.display()),
        (Some(version), ..) => format!("no program of version {version} is known here"),
        (None, ..) => "no program is known here".to_owned(),
    };
    let seen = installs.iter().map(|install| format!("{} ({})", install.version, install.program.display()));
    let help = match seen.collect::<Vec<_>>() {
        seen if seen.is_empty() => "Name the program with --program PATH.".to_owned(),
        seen => format!("There are: {}. Another one can be named with --program PATH.", seen.join(", ")),
    };
    Failure::plain("no_such_version", message, help)
}
