//! Socket units, and sessions that have the service manager start the worker.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use oneworker_tests::{Identity, Run, free_port, wait_until_gone};

use super::{printed, run, surrounded};
use crate::identity;

const UNITS: &str = "home/.config/systemd/user";

fn service(identity: &Identity, words: &str) -> Run {
    run(identity, &format!("service {words} --manager systemd")).with(|command| {
        command.env_remove("XDG_CONFIG_HOME");
    })
}

#[test]
fn a_socket_unit_is_written_beside_the_service_and_taken_away_with_it() {
    let identity = identity();
    let port = free_port();
    let units = identity.scratch().join(UNITS);
    let socket = units.join("oneworker-default.socket");
    let install = format!("install --socket --yes --port {port}");
    let said = printed(&service(&identity, &install).output());
    assert!(said.contains("systemctl --user enable --now oneworker-default.socket"), "{said}");
    let text = fs::read_to_string(&socket).unwrap();
    assert!(text.contains(&format!("\nListenStream=127.0.0.1:{port}\n")), "{text}");
    assert!(units.join("oneworker-default.service").exists());
    let said = printed(&service(&identity, &install).output());
    assert!(said.contains("as it should be"), "{said}");
    let (_, shown) = service(&identity, &format!("show --socket --json --port {port}")).json();
    assert_eq!((&shown["outcome"], &shown["socket"]["text"]), (&"installed".into(), &text.into()));

    let wants = units.join("sockets.target.wants");
    fs::create_dir(&wants).unwrap();
    symlink(&socket, wants.join("oneworker-default.socket")).unwrap();
    let refused = service(&identity, "uninstall --yes --json").failure();
    let message = refused.error["message"].as_str().unwrap();
    assert!(
        message.contains("disable --now oneworker-default.socket oneworker-default.service"),
        "{message}"
    );
    assert!(socket.exists());
    fs::remove_dir_all(wants).unwrap();
    printed(&service(&identity, "uninstall --yes").output());
    assert_eq!(fs::read_dir(&units).unwrap().count(), 0);
}

#[test]
fn a_socket_that_no_worker_could_have_is_refused() {
    let identity = identity();
    for (words, why) in [("--port auto", "any free port"), ("--port 4000 -- sleep 600", "socket of its own")]
    {
        // The words after `--` come last.
        let run = run(&identity, &format!("service install --socket --yes --json --manager systemd {words}"));
        let failure = run.failure();
        let message = failure.error["message"].as_str().unwrap();
        assert!(failure.code == "usage" && message.contains(why), "{message}");
    }
    let launchd = run(&identity, "service install --socket --yes --json --port 4000 --manager launchd");
    assert!(launchd.failure().error["message"].as_str().unwrap().contains("only systemd"));
}

/// An identity with a service that is enabled, and a `systemctl` of the test's own, which notes what it is told.
fn enabled(systemctl: &str) -> Identity {
    let identity = identity().without_backoff();
    printed(&service(&identity, "install --yes").output());
    let units = identity.scratch().join(UNITS);
    fs::create_dir(units.join("default.target.wants")).unwrap();
    let unit = units.join("oneworker-default.service");
    symlink(&unit, units.join("default.target.wants/oneworker-default.service")).unwrap();
    let bin = identity.scratch().join("bin");
    fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {}\nunit={}\n{systemctl}\n",
        noted(&identity).display(),
        unit.display()
    );
    fs::write(bin.join("systemctl"), script).unwrap();
    fs::set_permissions(bin.join("systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
    identity
}

/// Runs what the unit says, as a child of nobody's, with an environment of its own.
const STARTS: &str = "eval \"setsid env -i PATH=$PATH BY_MANAGER=1 $(sed -n s/^ExecStart=//p $unit)\" < /dev/null > /dev/null 2>&1 &";

fn noted(identity: &Identity) -> std::path::PathBuf {
    identity.scratch().join("systemctl.log")
}

fn told(identity: &Identity) -> String {
    fs::read_to_string(noted(identity)).unwrap_or_default()
}

/// A session beside that manager.
fn ensure(identity: &Identity) -> Run {
    beside_manager(identity.ensure(), identity)
}

fn beside_manager(run: Run, identity: &Identity) -> Run {
    let path = format!("{}:/usr/bin:/bin", identity.scratch().join("bin").display());
    surrounded(run, identity).env("PATH", path).patiently().with(|command| {
        command.env_remove("XDG_CONFIG_HOME");
    })
}

/// Whether the manager has started this worker.
fn is_managers(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/environ")).unwrap().contains("BY_MANAGER=1")
}

/// A manager has two seconds until its worker is in office. On a loaded machine they may pass, and the session starts the worker itself: then
/// `test` shows nothing, says so with `None`, and is tried again.
fn where_the_manager_is_in_time(test: impl Fn(&Identity) -> Option<()>) {
    assert!((0..20).any(|_| test(&enabled(STARTS)).is_some()), "the manager was never in time");
}

#[test]
fn a_session_has_the_manager_start_the_worker_whose_unit_is_enabled() {
    where_the_manager_is_in_time(|identity| {
        let worker = ensure(identity).success();
        assert_eq!(worker.outcome, "started");
        assert_eq!(told(identity), "--user start --no-block oneworker-default.service\n");
        is_managers(worker.pid).then_some(())?;
        identity.wait_until_alone(worker.pid);
        // Whoever finds a worker asks nobody.
        let found = ensure(identity).success();
        assert_eq!((found.outcome.as_str(), found.pid), ("reused", worker.pid));
        assert_eq!(told(identity).lines().count(), 1);
        identity.stop();
        wait_until_gone(worker.pid);
        // So does whoever wants something else of a worker.
        let (status, said) = beside_manager(run(identity, "session start a --json"), identity).json();
        assert_eq!(status, 0, "{said}");
        let next = ensure(identity).success();
        assert!(next.outcome == "reused" && next.epoch > worker.epoch, "{next:?}");
        is_managers(next.pid).then_some(())
    });
}

#[test]
fn sessions_in_a_crowd_ask_the_manager_once() {
    where_the_manager_is_in_time(|identity| {
        let crowd = oneworker_tests::all_at_once((0..8).map(|_| ensure(identity)));
        let answers: Vec<_> = crowd.into_iter().map(oneworker_tests::Running::success).collect();
        is_managers(oneworker_tests::agreed(&answers).pid).then_some(())?;
        assert_eq!(told(identity).lines().count(), 1, "{}", told(identity));
        Some(())
    });
}

#[test]
fn where_the_manager_fails_the_session_starts_the_worker_itself() {
    for systemctl in ["exit 1", "exit 0", "exec sleep 600", "kill -9 $$"] {
        let identity = enabled(systemctl);
        let worker = ensure(&identity).success();
        assert_eq!(worker.outcome, "started", "{systemctl}");
        assert!(!is_managers(worker.pid) && !told(&identity).is_empty(), "{systemctl}");
        identity.wait_until_alone(worker.pid);
    }
}

#[test]
fn a_unit_that_is_not_the_sessions_own_is_left_alone() {
    let is_left = |identity: &Identity| {
        let worker = ensure(identity).success();
        assert!(!is_managers(worker.pid) && told(identity).is_empty(), "{}", told(identity));
    };
    let not_enabled = enabled(STARTS);
    fs::remove_dir_all(not_enabled.scratch().join(UNITS).join("default.target.wants")).unwrap();
    is_left(&not_enabled);

    let state = |identity: &Identity| format!("--state-dir={}", identity.state_dir().display());
    let change = |identity: &Identity, from: &str, to: &str| {
        let unit = identity.scratch().join(UNITS).join("oneworker-default.service");
        let text = fs::read_to_string(&unit).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(unit, text.replace(from, to)).unwrap();
    };
    let of_another_directory = enabled(STARTS);
    change(&of_another_directory, &state(&of_another_directory), "--state-dir=/elsewhere");
    is_left(&of_another_directory);

    let of_another_program = enabled(STARTS);
    let program = of_another_program.binary().display().to_string();
    change(&of_another_program, &program, "/bin/sh");
    is_left(&of_another_program);
}
