//! The one list of steps.

use super::verdict::Verdict;
use super::{dependencies, foreign, lints, msrv, packages, scripts, test};
use crate::error::Error;

/// Which command runs a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Used {
    /// `cargo xtask check` and `cargo xtask ci`.
    Everywhere,
    /// `cargo xtask ci`, which does more than the step of `check` that is like it.
    Ci,
    /// `cargo xtask check`: a part of a step of `ci`.
    Check,
}

/// Something that must hold.
#[derive(Debug)]
pub(crate) struct Step {
    /// As `--step` takes it.
    pub(crate) name: &'static str,
    /// One line.
    pub(crate) about: &'static str,
    pub(crate) used: Used,
    pub(crate) run: fn() -> Result<Verdict, Error>,
}

/// In the order in which they run: what fails soonest comes first.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "format", about: "rustfmt", used: Used::Everywhere, run: lints::format },
    Step {
        name: "scripts",
        about: "shellcheck of all shell scripts",
        used: Used::Ci,
        run: scripts::shell_scripts,
    },
    Step {
        name: "workflows",
        about: "actionlint and zizmor of the workflows, schemas of the other files in .github",
        used: Used::Ci,
        run: scripts::workflows,
    },
    Step {
        name: "dependencies",
        about: "cargo deny: licences, duplicates, sources; advisories if their database can be reached",
        used: Used::Ci,
        run: dependencies::deny,
    },
    Step {
        name: "lints",
        about: "clippy of the workspace, warnings denied",
        used: Used::Everywhere,
        run: lints::clippy,
    },
    Step { name: "unit", about: "unit tests of all crates", used: Used::Check, run: test::unit },
    Step {
        name: "tests",
        about: "all tests on Linux (the command of the README); elsewhere those of the published crates",
        used: Used::Ci,
        run: test::all,
    },
    Step {
        name: "docs",
        about: "rustdoc of the workspace, warnings denied",
        used: Used::Ci,
        run: lints::rustdoc,
    },
    Step {
        name: "features",
        about: "clippy of each published crate alone: without features, with each one, with all",
        used: Used::Ci,
        run: packages::features,
    },
    Step {
        name: "msrv",
        about: "the oldest promised Rust, or clippy's and cargo's word for it if it is not installed",
        used: Used::Ci,
        run: msrv::msrv,
    },
    Step {
        name: "package",
        about: "cargo package of each published crate, and what its manifest and archive must have",
        used: Used::Ci,
        run: packages::package,
    },
    Step {
        name: "cross",
        about: "clippy for macOS, FreeBSD and Linux on ARM; linking for macOS (ci/cross-check.sh)",
        used: Used::Ci,
        run: foreign::cross,
    },
    Step {
        name: "windows",
        about: "clippy for Windows, and the tests of the published crates under Wine (ci/windows.sh)",
        used: Used::Ci,
        run: foreign::windows,
    },
];

/// The steps of `cargo xtask check`.
pub(crate) fn of_check() -> impl Iterator<Item = &'static Step> {
    STEPS.iter().filter(|step| step.used != Used::Ci)
}

/// The steps of `cargo xtask ci`.
pub(crate) fn of_ci() -> impl Iterator<Item = &'static Step> {
    STEPS.iter().filter(|step| step.used != Used::Check)
}
