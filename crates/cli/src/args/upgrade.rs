use std::ffi::OsString;

use clap::Args;

use super::{Flags, given};
use crate::config::Key;

/// What is wanted of a worker in another version.
#[derive(Debug, Default, Args)]
pub(crate) struct Upgrade {
    /// Of a worker in another version: `reuse` it, have an older one hand over to the `newest`, or have `exact` this version [default: reuse]
    #[arg(long, value_name = "reuse|newest|exact")]
    upgrade: Option<OsString>,
    /// Let versions replace each other so often in an hour [default: 6]
    #[arg(long, value_name = "N")]
    upgrade_per_hour: Option<OsString>,
    /// A new version that has served for so long has stood the test [default: 1m]
    #[arg(long, value_name = "TIME")]
    upgrade_probation: Option<OsString>,
    /// Until then it may fail so often; once more, and it is not started for a day [default: 2]
    #[arg(long, value_name = "N")]
    upgrade_failures: Option<OsString>,
}

impl Upgrade {
    /// Adds the values of these flags.
    pub(crate) fn add_to(&self, flags: &mut Flags) {
        flags.extend(given([
            (Key::Upgrade, &self.upgrade),
            (Key::UpgradePerHour, &self.upgrade_per_hour),
            (Key::UpgradeProbation, &self.upgrade_probation),
            (Key::UpgradeFailures, &self.upgrade_failures),
        ]));
    }
}
