use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use semver::Version;

use crate::identity::InvalidValue;
use crate::sabotage::{self, Sabotage};

/// What a session wants of a worker in another version that it can talk to.
///
/// Precedence decides which of two versions is newer (<https://semver.org/#spec-item-11>). Build
/// metadata makes no difference, and neither does the path that a version was started from. A worker
/// whose protocols are too old hands over under every policy, and one whose protocols are too new
/// under none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UpgradePolicy {
    /// Any running worker will do.
    #[default]
    Reuse,
    /// An older worker hands over to this session's version. A newer one will do.
    Newest,
    /// A worker in any other version hands over to this session's, also a newer one. For development.
    Exact,
    /// As [`UpgradePolicy::Exact`], for a person who chose this version. It is not held back by limits
    /// or by what was noted against this version. For a day, and as long as the chosen version runs,
    /// no other policy has it replaced.
    Chosen,
}

impl UpgradePolicy {
    /// The policies that can be set. [`UpgradePolicy::Chosen`] belongs to one call.
    pub const ALL: [Self; 3] = [Self::Reuse, Self::Newest, Self::Exact];

    /// Returns its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reuse => "reuse",
            Self::Newest => "newest",
            Self::Exact => "exact",
            Self::Chosen => "chosen",
        }
    }

    /// Returns whether a session of version `ours` wants a worker of version `theirs` to hand over.
    pub fn replaces(self, ours: &Version, theirs: &Version) -> bool {
        if sabotage::on(Sabotage::DowngradeAllowed) && self == Self::Newest {
            return ours.cmp_precedence(theirs).is_ne();
        }
        match (self, ours.cmp_precedence(theirs)) {
            (Self::Reuse, _) | (_, Ordering::Equal) | (Self::Newest, Ordering::Less) => false,
            (Self::Newest, Ordering::Greater) | (Self::Exact | Self::Chosen, _) => true,
        }
    }
}

impl fmt::Display for UpgradePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for UpgradePolicy {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text).ok_or_else(|| InvalidValue {
            what: "upgrade policy",
            given: text.to_owned(),
            rule: "reuse, newest or exact",
        })
    }
}

/// How often versions may replace each other, and when one counts as bad. All sessions of an identity share the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpgradeLimits {
    /// So many hand-overs are begun in an hour, and never more than 500; 6 by default.
    pub per_hour: u32,
    /// A successor that has served for so long has stood the test; 60 s by default.
    pub probation: Duration,
    /// It may fail so often before that, in its start or by an unclean death; 2 by default. Once more, and its version is bad for a day.
    pub failures: u32,
}

impl Default for UpgradeLimits {
    fn default() -> Self {
        Self { per_hour: 6, probation: Duration::from_secs(60), failures: 2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_decides_and_build_metadata_does_not() {
        let replaces = |policy: UpgradePolicy, ours: &str, theirs: &str| {
            policy.replaces(&ours.parse().unwrap(), &theirs.parse().unwrap())
        };
        for (ours, theirs, newest, exact) in [
            ("1.2.0", "1.2.0", false, false),
            ("1.2.0+b", "1.2.0+a", false, false),
            ("1.2.0", "1.2.0-rc.1", true, true),
            ("1.10.0", "1.9.0", true, true),
            ("1.9.0", "1.10.0", false, true),
            ("1.2.0-alpha.1", "1.2.0-alpha", true, true),
        ] {
            assert!(!replaces(UpgradePolicy::Reuse, ours, theirs), "{ours} {theirs}");
            assert_eq!(replaces(UpgradePolicy::Newest, ours, theirs), newest, "{ours} {theirs}");
            for policy in [UpgradePolicy::Exact, UpgradePolicy::Chosen] {
                assert_eq!(replaces(policy, ours, theirs), exact, "{policy}: {ours} {theirs}");
            }
        }
    }

    #[test]
    fn each_policy_is_read_back_from_its_word() {
        for policy in UpgradePolicy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        for word in ["Newest", "chosen"] {
            assert!(word.parse::<UpgradePolicy>().is_err(), "{word}");
        }
    }
}
