//! `oneworker purge`: an identity is removed with all its data, and nothing else is touched.

use std::fs;
use std::os::unix::fs::symlink;

use oneworker_tests::{is_alive, wait_until_gone};

use crate::identity;

#[test]
fn nothing_is_removed_before_somebody_says_yes_and_then_all_of_it_is() {
    let identity = identity();
    let worker = identity.patient();
    let outside = identity.scratch().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "x").unwrap();
    symlink(&outside, identity.file("logs/link")).unwrap();

    let (status, shown) = identity.command("purge").arg("--json").json();
    assert_eq!((status, &shown["outcome"]), (8, &"shown".into()), "{shown:#}");
    assert!(
        shown["entries"]
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["path"] == identity.file("worker.db").to_str().unwrap())
    );
    assert!(is_alive(worker.pid) && identity.file("worker.db").exists());

    let (status, removed) = identity.command("purge").args(["--json", "--yes"]).patiently().json();
    assert_eq!((status, &removed["outcome"]), (0, &"removed".into()), "{removed:#}");
    wait_until_gone(worker.pid);
    let left: Vec<_> =
        fs::read_dir(identity.scratch()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("state")), "{left:?}");
    assert_eq!(fs::read_to_string(outside.join("precious")).unwrap(), "x", "a link was followed");

    let (status, gone) = identity.command("purge").args(["--json", "--yes"]).json();
    assert_eq!((status, &gone["outcome"]), (0, &"nothing_there".into()));
    assert_eq!(identity.patient().epoch, 1, "a new identity");
}

#[test]
fn what_is_no_identity_of_this_name_is_refused() {
    let identity = identity();
    let refused = |words: &str| {
        let failure = identity.command("purge").args(["--json", "--yes"]).failure();
        assert_eq!((failure.code.as_str(), failure.status), ("not_an_identity", 9), "{:?}", failure.error);
        assert!(failure.error["message"].as_str().unwrap().contains(words), "{:?}", failure.error);
    };
    let precious = identity.scratch().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("worker.lock"), "").unwrap();
    symlink(&precious, identity.state_dir()).unwrap();
    refused("is no directory");
    fs::remove_file(identity.state_dir()).unwrap();
    fs::create_dir(identity.state_dir()).unwrap();
    refused("has no worker.lock");
    fs::remove_dir(identity.state_dir()).unwrap();

    identity.patient();
    identity.stop();
    fs::write(identity.file("thesis.txt"), "x").unwrap();
    refused("thesis.txt");
    fs::remove_file(identity.file("thesis.txt")).unwrap();
    identity.edit("worker.json", |record| record["name"] = "another".into());
    refused("is that of \"another\"");
    assert!(identity.file("worker.db").exists() && precious.join("worker.lock").exists());
}
