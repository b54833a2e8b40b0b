use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use semver::Version;

use crate::identity::InvalidValue;
use crate::sabotage::{self, Sabotage};

/// What a session wants of a worker that it can talk to, and that is in another version than its own.
///
/// Which of two versions is newer is told by their precedence (<https://semver.org/#spec-item-11>): build metadata makes no difference, and
/// neither does the path that a version was started from. A worker whose protocols are too old is handed over under every policy, and
/// one whose protocols are too new under none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UpgradePolicy {
    /// Whoever runs is as good.
    #[default]
    Reuse,
    /// An older worker hands over to this session's version; a newer one is as good.
    Newest,
    /// A worker in any other version, also a newer one, hands over to this session's. For development.
    Exact,
}

impl UpgradePolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reuse, Self::Newest, Self::Exact];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reuse => "reuse",
            Self::Newest => "newest",
            Self::Exact => "exact",
        }
    }

    /// Whether a session of version `ours` wants a worker of version `theirs` to hand over.
    pub fn replaces(self, ours: &Version, theirs: &Version) -> bool {
        if sabotage::on(Sabotage::DowngradeAllowed) && self == Self::Newest {
            return ours.cmp_precedence(theirs).is_ne();
        }
        match (self, ours.cmp_precedence(theirs)) {
            (Self::Reuse, _) | (_, Ordering::Equal) | (Self::Newest, Ordering::Less) => false,
            (Self::Newest, Ordering::Greater) | (Self::Exact, _) => true,
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
            assert_eq!(replaces(UpgradePolicy::Exact, ours, theirs), exact, "{ours} {theirs}");
        }
    }

    #[test]
    fn each_policy_is_read_back_from_its_word() {
        for policy in UpgradePolicy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert!("Newest".parse::<UpgradePolicy>().is_err());
    }
}
