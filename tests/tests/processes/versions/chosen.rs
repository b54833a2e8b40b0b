//! A person chooses a version: an older one too, and it stays.

use std::path::Path;

use oneworker_tests::{Identity, Run, wait_until_gone};

use crate::identity;

fn restart(identity: &Identity, with: &Path, args: &[&str]) -> Run {
    identity.command_of(with, "restart").arg("--json").within("60s").args(args.iter().copied())
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
    let chosen = restart(&identity, &new, &["--version", "1.0.0"]).success();
    assert_eq!((chosen.epoch, chosen.outcome.as_str()), (3, "replaced"), "{chosen:?}");
    assert_eq!((in_office(&identity).as_str(), &chosen.url), ("1.0.0", &second.url));
    wait_until_gone(second.pid);
    for install in [&new, &newer] {
        let kept = identity.newest_of(install).success();
        assert_eq!(kept.pid, chosen.pid);
        assert!(kept.warnings[0].contains("was chosen by hand"), "{kept:?}");
    }
    // A person may choose again; and a choice that does not serve binds nobody.
    let again = restart(&identity, &old, &["--version", "1.1.0"]).success();
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
    let first = restart(&identity, &new, &named).success();
    assert_eq!((first.outcome.as_str(), in_office(&identity).as_str()), ("started", "1.0.0"));
    let second = restart(&identity, &new, &named).success();
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
    let chosen =
        restart(&identity, &old, &["--program", new.to_str().unwrap(), "--version", "1.1.0"]).success();
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
    let other = refused(&["--version", "7.0.0", "--program", new.to_str().unwrap()]);
    assert!(
        other.error["message"].as_str().unwrap().ends_with("is of version 1.1.0, not 7.0.0"),
        "{other:?}"
    );
    let stranger = refused(&["--program", "/bin/cat"]);
    assert_eq!(stranger.code, "no_such_version");
    let silent = identity.scratch().join("silent");
    std::fs::write(&silent, "#!/bin/sh\nexec sleep 600\n").unwrap();
    std::fs::set_permissions(&silent, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(refused(&["--program", silent.to_str().unwrap()]).code, "no_such_version");
    assert_eq!(identity.ensure_of(&old).success().pid, worker.pid);

    // One that does not come to serve: the old one stays, and the command says so.
    let fails = restart(&identity, &old, &["--program", new.to_str().unwrap()])
        .env("ONEWORKER_FAILPOINTS", "succeed.start=kill")
        .failure();
    assert_eq!((fails.code.as_str(), fails.status), ("version_not_started", 35), "{fails:?}");
    assert_eq!(identity.ensure_of(&old).success().pid, worker.pid);
}
