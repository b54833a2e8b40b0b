//! Exit codes: one for each kind of failure, so that a script needs no text to tell them apart.
//!
//! They are as stable as the codes in JSON: a number is never given another meaning.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

/// Done.
pub(crate) const OK: Exit = Exit(0);
/// A failure that has no number of its own.
pub(crate) const OTHER: Exit = Exit(1);
/// A mistake in flags or configuration.
pub(crate) const USAGE: Exit = Exit(2);
/// No worker is in office.
pub(crate) const NOT_RUNNING: Exit = Exit(3);

/// Every code with its number. `docs/cli.md` has the same table with explanations.
pub(crate) const TABLE: &[(&str, Exit)] = &[
    ("usage", USAGE),
    ("not_running", NOT_RUNNING),
    ("no_log", Exit(4)),
    ("strays", Exit(5)),
    ("unhealthy", Exit(6)),
    ("unconfirmed", Exit(8)),
    ("not_an_identity", Exit(9)),
    ("starting", Exit(10)),
    ("leaving", Exit(11)),
    ("unresponsive", Exit(12)),
    ("under_debugger", Exit(13)),
    ("unkillable", Exit(14)),
    ("timed_out", Exit(15)),
    ("port_taken", Exit(20)),
    ("foreign", Exit(21)),
    ("lock_leaked", Exit(22)),
    ("other_machine", Exit(23)),
    ("too_new", Exit(24)),
    ("superseded", Exit(25)),
    ("hand_over_unknown", Exit(26)),
    ("hand_over_refused", Exit(27)),
    ("hand_over_late", Exit(28)),
    ("cooling_down", Exit(30)),
    ("cannot_launch", Exit(31)),
    ("launch_failed", Exit(32)),
    ("worker_failed", Exit(33)),
    ("no_such_version", Exit(34)),
    ("version_not_started", Exit(35)),
    ("state_dir", Exit(40)),
    ("lock_failed", Exit(41)),
    ("not_permitted", Exit(42)),
    ("bind_failed", Exit(43)),
    ("no_random", Exit(44)),
    ("event_loop", Exit(45)),
    ("signals", Exit(46)),
    ("watchdog", Exit(47)),
    ("listen", Exit(48)),
    ("activation", Exit(49)),
    ("io", Exit(50)),
    ("unreachable", Exit(60)),
    ("refused", Exit(61)),
    ("disk_full", Exit(62)),
    ("database_busy", Exit(63)),
    ("database_corrupt", Exit(64)),
    ("database_too_new", Exit(65)),
    ("database_not_wal", Exit(66)),
    ("database_failed", Exit(67)),
    ("fence_unreadable", Exit(68)),
    ("database_not_ours", Exit(69)),
    ("no_descriptors", Exit(70)),
    ("already_running", Exit(71)),
    ("not_written", Exit(80)),
];

/// The number of a code; [`OTHER`] for one that is not in the table.
pub(crate) fn of(code: &str) -> Exit {
    TABLE.iter().find(|(known, _)| *known == code).map_or(OTHER, |(_, exit)| *exit)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_and_numbers_are_unique_and_below_those_of_shells() {
        let codes: HashSet<_> = TABLE.iter().map(|(code, _)| code).collect();
        let numbers: HashSet<_> = TABLE.iter().map(|(_, exit)| exit.0).collect();
        assert_eq!((codes.len(), numbers.len()), (TABLE.len(), TABLE.len()));
        assert!(numbers.iter().all(|number| (2..126).contains(number)));
    }

    #[test]
    fn every_error_of_the_coordinator_has_a_number() {
        for error in crate::fields::samples() {
            assert_ne!(of(error.code()), OTHER, "{}", error.code());
        }
    }

    #[test]
    fn an_unknown_code_still_fails() {
        assert_eq!(of("something_new"), OTHER);
    }

    #[test]
    fn the_documentation_lists_every_code_with_its_number() {
        let docs =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md")).unwrap();
        for (code, exit) in TABLE {
            assert!(docs.contains(&format!("| {} | `{code}` |", exit.0)), "{} {code} is missing", exit.0);
        }
    }
}
