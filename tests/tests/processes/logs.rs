//! `oneworker logs`: the worker's own log and those of its children, as files that anybody may read while they are written and rotated.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::Output;

use oneworker_tests::{Identity, Run, wait_for};

use crate::identity;

/// An identity whose child `indexer` has said this: in the file before last, in the last one, and in the log itself.
fn identity_with(files: [&str; 3]) -> Identity {
    let identity = identity();
    fs::create_dir_all(identity.file("logs")).unwrap();
    for (name, text) in ["indexer.log.2", "indexer.log.1", "indexer.log"].iter().zip(files) {
        fs::write(identity.file("logs").join(name), text).unwrap();
    }
    identity
}

fn append(identity: &Identity, name: &str, text: &str) {
    let path = identity.file("logs").join(name);
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn printed(run: Run) -> String {
    let Output { status, stdout, stderr } = run.output();
    assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Its exit code, and what it said of its failure.
fn failed(run: Run) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = run.output();
    assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
    (status.code(), String::from_utf8(stderr).unwrap())
}

const OLDEST: &str = "2026-01-31T08:00:00.000001Z one\n  of one\n";
const OLDER: &str = "2026-01-31T09:00:00.000001Z two\n";
const NEWEST: &str = "  of two\n2026-01-31T10:00:00.000001Z three \u{1b}[31m\n";

#[test]
fn what_a_child_said_is_printed_from_all_files_as_it_is() {
    let identity = identity_with([OLDEST, OLDER, NEWEST]);
    let logs = || identity.command("logs").arg("indexer");
    assert_eq!(printed(logs()), [OLDEST, OLDER, NEWEST].concat());
    assert_eq!(printed(logs().args(["-n", "3"])), [OLDER, NEWEST].concat());
    assert_eq!(printed(logs().args(["-n", "0"])), "");
    assert!(!identity.file("worker.lock").exists(), "nobody was asked");
}

#[test]
fn what_a_child_said_since_a_time_is_printed_from_all_files() {
    let identity = identity_with([OLDEST, OLDER, NEWEST]);
    let since = |time: &str| printed(identity.command("logs").args(["indexer", "--since", time]));
    assert_eq!(since("2026-01-31T07:00:00Z"), [OLDEST, OLDER, NEWEST].concat());
    assert_eq!(since("2026-01-31T08:30:00Z"), [OLDER, NEWEST].concat());
    assert_eq!(since("2026-01-31T12:00:00+03:00"), [OLDER, NEWEST].concat());
    assert_eq!(since("2026-01-31T09:30:00Z"), NEWEST.strip_prefix("  of two\n").unwrap());
    assert_eq!(since("2126-01-31T10:00:00Z"), "");
    let two = identity.command("logs").args(["indexer", "--since", "2026-01-31T07:00:00Z", "-n", "2"]);
    assert_eq!(printed(two), NEWEST);
}

#[test]
fn the_workers_own_log_is_printed_by_age_too() {
    let identity = identity();
    identity.patient();
    wait_for("the last line of the start", || identity.log().contains("ready at").then_some(()));
    let of_long_ago = "2026-01-31T08:00:00.000001Z  INFO long ago\n";
    fs::write(identity.file("logs/worker.log.1"), of_long_ago).unwrap();
    let logs = |args: &[&str]| printed(identity.command("logs").args(args));
    let log = identity.log();
    assert_eq!(logs(&[]), format!("{of_long_ago}{log}"));
    // The worker's first line has a time; what its launcher wrote before has none.
    let first =
        log.find("  INFO in office").map(|end| log[..end].rfind('\n').map_or(0, |end| end + 1)).unwrap();
    for name in [&[][..], &["worker"]] {
        assert_eq!(logs(&[name, &["--since", "1h"]].concat()), log[first..]);
    }
    assert_eq!(logs(&["--since", "2126-01-31T08:00:00Z"]), "");
}

#[test]
fn a_name_without_a_log_is_an_error_that_names_those_that_there_are() {
    let identity = identity_with([OLDEST, OLDER, NEWEST]);
    append(&identity, "a.helper.log", "");
    append(&identity, "Not A Name.log", "");
    append(&identity, "worker.log", "");
    for follow in [&[][..], &["-f"]] {
        let (code, said) = failed(identity.command("logs").arg("indexr").args(follow));
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("there is no log of \"indexr\""), "{said}");
        assert!(said.contains("There are logs of a.helper, indexer. "), "{said}");
    }
    let (code, said) = failed(crate::identity().command("logs").arg("indexer"));
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("No child of this worker has written one yet."), "{said}");
}

#[test]
fn no_name_leads_out_of_the_directory_of_the_logs() {
    let identity = identity_with([OLDEST, OLDER, NEWEST]);
    fs::write(identity.file("secret.log"), "secret\n").unwrap();
    for name in ["../secret", "/etc/passwd", "a/../../secret", "..", ".", "", "Indexer", "indexer.log\n"] {
        let (code, said) = failed(identity.command("logs").arg("--").arg(name));
        assert_eq!(code, Some(2), "{name:?}: {said}");
        assert!(said.contains("is not valid: 1 to 64 of a-z"), "{name:?}: {said}");
    }
}

#[test]
fn what_is_no_time_is_refused() {
    let identity = identity_with([OLDEST, OLDER, NEWEST]);
    for time in ["yesterday", "10", "2026-01-31"] {
        let (code, said) = failed(identity.command("logs").args(["indexer", "--since", time]));
        assert_eq!(code, Some(2), "{time:?}: {said}");
        assert!(said.contains("such as 10m"), "{time:?}: {said}");
    }
}

#[test]
fn what_a_child_says_is_followed_across_rotations() {
    let identity = identity_with([OLDEST, OLDER, NEWEST]);
    let read = identity.scratch().join("read");
    let file = fs::File::create(&read).unwrap();
    let logs = identity.command("logs").args(["indexer", "-f", "-n", "1"]);
    let logs = logs.with(|command| {
        command.stdout(file);
    });
    let following = logs.start();
    let wait_until_read = |text: &str| {
        wait_for(&format!("{text:?} to be printed"), || {
            fs::read_to_string(&read).unwrap().ends_with(text).then_some(())
        });
    };
    wait_until_read("three \u{1b}[31m\n");
    append(&identity, "indexer.log", "four\n");
    wait_until_read("four\n");
    // More rotations than it can see one by one.
    for text in ["five\n", "six\n", "seven\n"] {
        for (from, to) in [("indexer.log.1", "indexer.log.2"), ("indexer.log", "indexer.log.1")] {
            fs::rename(identity.file("logs").join(from), identity.file("logs").join(to)).unwrap();
        }
        append(&identity, "indexer.log", text);
    }
    wait_until_read("seven\n");
    drop(following);
    let all = fs::read_to_string(&read).unwrap();
    assert_eq!(all, format!("{}four\nfive\nsix\nseven\n", NEWEST.strip_prefix("  of two\n").unwrap()));
}
