//! Whose the state directory is, and what it is: what is not this user's own directory is refused at once and left as it is.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use oneworker_tests::{
    AT_ONCE, Failure, NOBODY, Run, as_user, is_root, kill_and_wait, needs_root, processes_of,
};
use serde_json::Value;

use crate::{BINARY, identity};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The command as a user without rights, if this is root; root may write everywhere.
fn without_rights(run: Run) -> Run {
    if is_root() { run.with(as_user(NOBODY)) } else { run }
}

fn refused(run: Run, why: &str) -> Failure {
    let failure = run.patiently().failure();
    assert_eq!(failure.code, "state_dir", "{:?}", failure.error);
    assert!(failure.error["message"].as_str().unwrap().contains(why), "{:?}", failure.error);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    failure
}

#[test]
fn a_state_directory_that_can_not_be_made_is_named_at_once() {
    let mut identity = identity();
    if is_root() {
        identity = identity.owned_by(NOBODY);
    }
    set_mode(identity.scratch(), 0o500);
    refused(without_rights(identity.ensure()), "Permission denied");
    assert!(processes_of(identity.scratch()).is_empty(), "something was started");
    set_mode(identity.scratch(), 0o700);
    assert_eq!(without_rights(identity.ensure()).success().epoch, 1);
}

#[test]
fn a_state_directory_that_can_not_be_written_to_is_named_at_once() {
    let mut identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    if is_root() {
        identity = identity.owned_by(NOBODY);
        std::os::unix::fs::chown(identity.state_dir(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    set_mode(&identity.state_dir(), 0o500);
    let failure = without_rights(identity.ensure()).patiently().failure();
    assert!(matches!(failure.code.as_str(), "state_dir" | "lock_failed"), "{:?}", failure.error);
    assert!(failure.error["message"].as_str().unwrap().contains("Permission denied"), "{:?}", failure.error);
    assert!(failure.took < AT_ONCE, "{:?}", failure.took);
    assert!(processes_of(identity.scratch()).is_empty(), "something was started");
    set_mode(&identity.state_dir(), 0o700);
    assert_eq!(without_rights(identity.ensure()).success().epoch, 1);
}

#[test]
fn another_users_state_directory_is_refused_and_left_as_it_is() {
    if needs_root() {
        return;
    }
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    std::os::unix::fs::chown(identity.state_dir(), Some(NOBODY), Some(NOBODY)).unwrap();
    set_mode(&identity.state_dir(), 0o777);
    refused(identity.ensure(), "sudo -u");
    assert_eq!(mode(&identity.state_dir()), 0o777);
    assert_eq!(fs::read_dir(identity.state_dir()).unwrap().count(), 0);
}

#[test]
fn root_makes_no_state_directory_in_another_users_home() {
    if needs_root() {
        return;
    }
    let identity = identity();
    std::os::unix::fs::chown(identity.scratch(), Some(NOBODY), Some(NOBODY)).unwrap();
    refused(identity.ensure(), "sudo -u");
    assert!(!identity.state_dir().exists());
}

#[test]
fn a_symbolic_link_is_no_state_directory() {
    let identity = identity();
    let target = identity.scratch().join("target");
    fs::create_dir(&target).unwrap();
    symlink(&target, identity.state_dir()).unwrap();
    refused(identity.ensure(), "symbolic link");
    assert_eq!(fs::read_dir(target).unwrap().count(), 0);
}

#[test]
fn a_file_is_no_state_directory() {
    let identity = identity();
    fs::write(identity.state_dir(), "precious").unwrap();
    refused(identity.ensure(), "not a directory");
    assert_eq!(fs::read_to_string(identity.state_dir()).unwrap(), "precious");
}

#[test]
fn a_state_directory_that_is_open_to_all_is_closed() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    set_mode(&identity.state_dir(), 0o777);
    identity.patient();
    assert_eq!(mode(&identity.state_dir()), 0o700);
    for secret in ["token", "proof.key"] {
        assert_eq!(mode(&identity.file(secret)), 0o600, "{secret}");
    }
}

#[test]
fn another_users_file_in_the_state_directory_is_not_believed() {
    if needs_root() {
        return;
    }
    let identity = identity();
    let first = identity.patient();
    kill_and_wait(first.pid);
    // It remembers the epoch too.
    for name in ["worker.db", "worker.db-wal", "worker.db-shm"] {
        let _ = fs::remove_file(identity.file(name));
    }
    for name in ["worker.json", "proof.key", "launch.json", "epoch"] {
        std::os::unix::fs::chown(identity.file(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let next = identity.patient();
    assert_eq!((next.outcome.as_str(), next.epoch), ("started", 1), "what another user wrote was believed");
}

#[test]
fn a_relative_state_directory_is_a_mistake_of_the_caller() {
    let identity = identity();
    let run = Command::new(BINARY)
        .args(["ensure", "--json", "--no-config", "--state-dir", "relative"])
        .current_dir(identity.scratch())
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(2), "{}", String::from_utf8_lossy(&run.stderr));
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert!(json["error"]["message"].as_str().unwrap().contains("absolute"), "{json}");
    assert!(!identity.scratch().join("relative").exists());
}

#[test]
fn home_and_its_like_do_not_change_which_identity_is_meant() {
    let elsewhere = tempfile::tempdir().unwrap();
    let state_dir = |change: &dyn Fn(&mut Command)| {
        let mut command = Command::new(BINARY);
        command.args(["config", "show", "--json", "--no-config"]).env_remove("ONEWORKER_STATE_DIR");
        change(&mut command);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        json["settings"]["state_dir"]["value"].as_str().unwrap().to_owned()
    };
    let usual = state_dir(&|_| {});
    assert_eq!(state_dir(&|command| _ = command.env_remove("HOME")), usual);
    for name in ["HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "TMPDIR", "USER", "LOGNAME"] {
        assert_eq!(state_dir(&|command| _ = command.env(name, elsewhere.path())), usual, "{name}");
    }
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
