//! `oneworker storm`: what the self-test says, and that it leaves nothing behind.

use std::process::Command;

use oneworker_tests::{Run, is_alive, processes_of};

use crate::BINARY;

/// A storm whose temporary files are this test's.
fn storm(args: &[&str]) -> serde_json::Value {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = Command::new(BINARY);
    command.arg("storm").arg("--json").args(args).env("TMPDIR", temporary.path());
    // Of whoever runs the tests, who may want another worker.
    command.env("ONEWORKER_STATE_DIR", temporary.path().join("another"));
    let (status, answer) = Run::new(command).json();
    assert_eq!(status, 0, "{answer:#}");
    let left: Vec<_> =
        std::fs::read_dir(temporary.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    let alive: Vec<_> =
        processes_of(temporary.path()).into_iter().filter(|(pid, _)| is_alive(*pid)).collect();
    assert!(alive.is_empty(), "{alive:?}");
    answer
}

#[test]
fn all_sessions_of_a_storm_are_given_the_same_worker() {
    let answer = storm(&["-n", "12"]);
    assert_eq!(
        (&answer["workers"], &answer["tenures"], &answer["failed"]),
        (&1.into(), &1.into(), &0.into()),
        "{answer:#}"
    );
    assert_eq!((answer["sessions"].as_array().unwrap().len(), &answer["one"]), (12, &true.into()));
    let started =
        answer["sessions"].as_array().unwrap().iter().filter(|session| session["outcome"] == "started");
    assert_eq!(started.count(), 1, "{answer:#}");
}

#[test]
fn sessions_that_look_first_are_given_several() {
    let answer = storm(&["-n", "6", "--naive"]);
    assert!(answer["workers"].as_u64().unwrap() > 1 && answer["one"] == false, "{answer:#}");
}
