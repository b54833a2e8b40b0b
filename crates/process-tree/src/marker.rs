use std::fmt;
use std::io;

use thiserror::Error;

use oneworker_protocol::Epoch;
use oneworker_protocol::machine::{Pid, Random};
use oneworker_protocol::proof;

/// The variable that names the part of a tenure to which a process belongs; see [`super::sweep_part`].
pub const PART_VARIABLE: &str = "ONEWORKER_PART";

/// What each process of a tenure has in its environment, as the value of [`Marker::VARIABLE`]: `DIGEST.EPOCH.RANDOM`. Which identity, which of its
/// tenures, and something that no other tenure has even if an epoch came twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    text: String,
    /// How much of the text names the identity, with the dot after it.
    identity: usize,
}

impl Marker {
    /// The variable.
    pub const VARIABLE: &str = "ONEWORKER_TENURE";

    /// A new one.
    ///
    /// # Errors
    /// If the digest is empty or not hexadecimal, or what the system says if it gives no random bytes.
    pub fn new(identity_digest: &str, epoch: Epoch, random: &dyn Random) -> io::Result<Self> {
        if identity_digest.is_empty() || !identity_digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an identity's digest is hexadecimal"));
        }
        let text = format!("{identity_digest}.{epoch}.{}", proof::random_hex::<16>(random)?);
        Ok(Self { text, identity: identity_digest.len() + 1 })
    }

    /// The value.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whose processes are to end.
#[cfg_attr(
    not(any(target_os = "linux", target_os = "macos")),
    allow(dead_code, reason = "nobody looks into environments there")
)]
pub(super) enum Wanted<'a> {
    /// Those of other tenures of this identity.
    Earlier(&'a Marker),
    /// Those of this part of this tenure.
    Part(&'a Marker, &'a str),
}

#[cfg_attr(
    not(any(target_os = "linux", target_os = "macos")),
    allow(dead_code, reason = "nobody looks into environments there")
)]
impl Wanted<'_> {
    /// Whether a process with this environment is: `NAME=VALUE`, each ended by a zero byte (proc(5)).
    pub(super) fn is(&self, environment: &[u8]) -> bool {
        if has(environment, oneworker_system::readiness::VARIABLE) {
            return false;
        }
        let Some(marker) = value(environment, Marker::VARIABLE) else { return false };
        match self {
            Self::Earlier(mine) => {
                marker.starts_with(&mine.text.as_bytes()[..mine.identity]) && marker != mine.text.as_bytes()
            }
            Self::Part(mine, part) => {
                marker == mine.text.as_bytes() && value(environment, PART_VARIABLE) == Some(part.as_bytes())
            }
        }
    }
}

/// Whether this environment has the variable.
pub(super) fn has(environment: &[u8], name: &str) -> bool {
    value(environment, name).is_some()
}

/// The variable's value; of several, the first, as getenv(3) takes it.
fn value<'a>(environment: &'a [u8], name: &str) -> Option<&'a [u8]> {
    environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// Some of a tenure's processes could not be ended in time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("still alive after SIGKILL: {}", list(processes))]
pub struct LeftBehind {
    /// Which, with their programs' names.
    pub processes: Vec<(Pid, String)>,
    /// How many others were ended.
    pub ended: usize,
}

fn list(processes: &[(Pid, String)]) -> String {
    let named: Vec<String> =
        processes.iter().map(|(pid, program)| format!("{program} (process {pid})")).collect();
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) -> io::Result<()> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    fn marker(digest: &str, epoch: u64, random: u8) -> Marker {
        Marker::new(digest, Epoch(epoch), &Fixed(random)).unwrap()
    }

    fn environment(variables: &[&str]) -> Vec<u8> {
        variables.iter().flat_map(|variable| [variable.as_bytes(), &[0]].concat()).collect()
    }

    #[test]
    fn a_marker_names_identity_and_epoch_and_is_like_no_other() {
        let mine = marker("ab12", 7, 0x0f);
        assert_eq!(mine.as_str(), format!("ab12.7.{}", "0f".repeat(16)));
        for digest in ["", "ab.12", "xyz", "ab 12", "ab=12"] {
            assert!(Marker::new(digest, Epoch(1), &Fixed(0)).is_err(), "{digest:?}");
        }
    }

    #[test]
    fn only_other_tenures_of_the_same_identity_are_swept() {
        let mine = marker("ab12", 7, 1);
        let of = |marker: &Marker| {
            let variable = format!("{}={marker}", Marker::VARIABLE);
            Wanted::Earlier(&mine).is(&environment(&["PATH=/bin", &variable, "X=1"]))
        };
        assert!(of(&marker("ab12", 6, 1)) && of(&marker("ab12", 7, 2)));
        assert!(!of(&mine));
        assert!(!of(&marker("ab123", 6, 1)) && !of(&marker("ab1", 6, 1)) && !of(&marker("cd34", 6, 1)));

        let wanted = |variables: &[&str]| Wanted::Earlier(&mine).is(&environment(variables));
        assert!(wanted(&["ONEWORKER_TENURE=ab12.1.0"]));
        assert!(!wanted(&[
            "ONEWORKER_TENURE=ab12.1.0",
            &format!("{}=5", oneworker_system::readiness::VARIABLE)
        ]));
        assert!(!wanted(&["XONEWORKER_TENURE=ab12.1.0"]) && !wanted(&["X=ONEWORKER_TENURE=ab12.1.0"]));
        assert!(!wanted(&["ONEWORKER_TENURE=ab12"]) && !wanted(&["ONEWORKER_TENURE"]) && !wanted(&[]));
    }

    #[test]
    fn a_part_is_swept_in_this_tenure_only() {
        let mine = marker("ab12", 7, 1);
        let earlier = marker("ab12", 6, 1);
        let wanted = |marker: &Marker, part: &str| {
            let variables = [format!("ONEWORKER_TENURE={marker}"), format!("ONEWORKER_PART={part}")];
            Wanted::Part(&mine, "web").is(&environment(&variables.each_ref().map(String::as_str)))
        };
        assert!(wanted(&mine, "web"));
        assert!(!wanted(&mine, "webs") && !wanted(&mine, "") && !wanted(&earlier, "web"));
    }

    #[test]
    fn who_was_left_behind_is_told() {
        let left = LeftBehind { processes: vec![(Pid(7), "sh".into()), (Pid(9), "node".into())], ended: 2 };
        assert_eq!(left.to_string(), "still alive after SIGKILL: sh (process 7), node (process 9)");
    }
}
