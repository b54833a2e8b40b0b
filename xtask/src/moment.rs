//! The one time that everything which is packaged bears.

use std::process::Command;

use time::OffsetDateTime;

use crate::error::Error;
use crate::toolchain::output;
use crate::workspace;

const ADVICE: &str = "give seconds since 1970, in the years 1980 to 2107, by --moment or SOURCE_DATE_EPOCH";

/// The one that was given in seconds since 1970, or else the last commit's.
pub(crate) fn moment(given: Option<&str>) -> Result<OffsetDateTime, Error> {
    let (what, found) = match given {
        Some(given) => ("the moment", given.to_owned()),
        None => ("the last commit's time", last_commit()?),
    };
    let seconds = found.trim().parse().ok();
    seconds
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        // Zip files know no earlier and no later ones.
        .filter(|moment| (1980..2108).contains(&moment.year()))
        .ok_or_else(|| Error::Value { what: what.to_owned(), found: format!("{found:?}"), wanted: ADVICE })
}

fn last_commit() -> Result<String, Error> {
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%ct"]).current_dir(workspace::root());
    output(git, ADVICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_zip_file_can_not_say_is_refused() {
        assert_eq!(moment(Some("1700000001")).unwrap().unix_timestamp(), 1_700_000_001);
        for wrong in ["", "now", "-1", "315532799", "4354819200", "99999999999999999999"] {
            let refused = moment(Some(wrong)).unwrap_err().to_string();
            assert!(refused.contains("--moment"), "{wrong}: {refused}");
        }
        // The first and the last second.
        for right in ["315532800", "4354819199\n"] {
            assert!(moment(Some(right)).is_ok(), "{right}");
        }
    }
}
