//! A person chooses a version: an older one too, and it stays.

use std::path::Path;

use oneworker_tests::{Identity, Run, Success, wait_for, wait_until_gone};

use crate::identity;

fn restart(identity: &Identity, with: &Path, args: &[&str]) -> Run {
    identity.command_of(with, "restart").arg("--json").patiently().args(args.iter().copied())
}

/// A restart with this program, or this version, which has to be had. A program is given one second to say its version, which may be too
/// little on a loaded machine; then nothing has changed.
fn chosen(identity: &Identity, with: &Path, args: &[&str]) -> Success {
    wait_for("a program that says its version in time", || {
        let (status, json) = restart(identity, with, args).json();
        (json["error"]["code"] != "no_such_version").then(|| {
            assert_eq!(status, 0, "{json}");
            Success::of(&json).unwrap_or_else(|| panic!("{json}"))
        })
    })
}

fn in_office(identity: &Identity) -> String {
    identity.record().unwrap()["version"].as_str().unwrap().to_owned()
}

#[test]
fn an_older_version_that_was_chosen_takes_over_and_no_session_undoes_it() {
    let identity = identity();
    let [old, new, newer] = ["1.0.0", "1.1.0", "1.2.0"].map(|version| identity.install(version));
    identity.newest_of(&old).success();
    let second = identity.newest_of(&new).success();
    identity.wait_until_noted();

    // The program is found by what has served.
    let first = chosen(&identity, &new, &["--version", "1.0.0"]);
    assert_eq!((first.epoch, first.outcome.as_str()), (3, "replaced"), "{first:?}");
    assert_eq!((in_office(&identity).as_str(), &first.url), ("1.0.0", &second.url));
    wait_until_gone(second.pid);
    for install in [&new, &newer] {
        let kept = identity.newest_of(install).success();
        assert_eq!(kept.pid, first.pid);
        assert!(kept.warnings[0].contains("was chosen by hand"), "{kept:?}");
    }
    // A person may choose again; and a choice that does not serve binds nobody.
    let again = chosen(&identity, &old, &["--version", "1.1.0"]);
    assert_eq!((again.outcome.as_str(), in_office(&identity).as_str()), ("replaced", "1.1.0"));
    identity.stop();
    let next = identity.newest_of(&newer).success();
    assert_eq!((next.outcome.as_str(), in_office(&identity).as_str()), ("started", "1.2.0"));
    identity.wait_until_alone(next.pid);
}

#[test]
fn the_chosen_version_is_restarted_if_it_runs_already_and_started_if_nothing_does() {
    let identity = identity();
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    let named = ["--program", old.to_str().unwrap()];
    let first = chosen(&identity, &new, &named);
    assert_eq!((first.outcome.as_str(), in_office(&identity).as_str()), ("started", "1.0.0"));
    let second = chosen(&identity, &new, &named);
    assert_eq!(
        (second.epoch, second.outcome.as_str(), in_office(&identity).as_str()),
        (2, "started", "1.0.0")
    );
    wait_until_gone(first.pid);
    assert_eq!(identity.newest_of(&new).success().pid, second.pid, "it was chosen");
    identity.wait_until_alone(second.pid);
}

#[test]
fn a_version_that_has_failed_too_often_can_still_be_chosen() {
    let identity = identity().without_backoff().env("ONEWORKER_UPGRADE_FAILURES", "0");
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    identity.newest_of(&old).success();
    identity.newest_of(&new).env("ONEWORKER_FAILPOINTS", "succeed.start=kill").output();
    let kept = identity.newest_of(&new).success();
    assert!(kept.warnings[0].contains("it has failed 1 times"), "{kept:?}");
    let named = ["--program", new.to_str().unwrap(), "--version", "1.1.0"];
    let chosen = chosen(&identity, &old, &named);
    assert_eq!((chosen.outcome.as_str(), in_office(&identity).as_str()), ("replaced", "1.1.0"));
}

#[test]
fn a_choice_that_can_not_be_had_is_refused_and_the_worker_stays() {
    let identity = identity();
    let [old, new] = ["1.0.0", "1.1.0"].map(|version| identity.install(version));
    let worker = identity.newest_of(&old).success();
    let refused = |args: &[&str]| restart(&identity, &old, args).failure();

    let unknown = refused(&["--version", "7.0.0"]);
    assert_eq!((unknown.code.as_str(), unknown.status), ("no_such_version", 34), "{unknown:?}");
    assert!(unknown.error["help"].as_str().unwrap().contains(old.to_str().unwrap()), "{unknown:?}");
    // One that says no version in time is refused with other words.
    wait_for("the version of the program to be named", || {
        let other = refused(&["--version", "7.0.0", "--program", new.to_str().unwrap()]);
        other.error["message"].as_str().unwrap().ends_with("is of version 1.1.0, not 7.0.0").then_some(())
    });
    let stranger = refused(&["--program", "/bin/cat"]);
    assert_eq!(stranger.code, "no_such_version");
    let silent = identity.scratch().join("silent");
    std::fs::write(&silent, "#!/bin/sh\nexec sleep 600\n").unwrap();
    std::fs::set_permissions(&silent, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(refused(&["--program", silent.to_str().unwrap()]).code, "no_such_version");
    assert_eq!(identity.ensure_of(&old).success().pid, worker.pid);

    // One that does not come to serve: the old one stays, and the command says so.
    let fails = wait_for("a program that says its version in time", || {
        let failing = restart(&identity, &old, &["--program", new.to_str().unwrap()]);
        let failure = failing.env("ONEWORKER_FAILPOINTS", "succeed.start=kill").failure();
        (failure.code != "no_such_version").then_some(failure)
    });
    assert_eq!((fails.code.as_str(), fails.status), ("version_not_started", 35), "{fails:?}");
    assert_eq!(identity.ensure_of(&old).success().pid, worker.pid);
}
