//! `oneworker doctor`: silent where nothing is wrong, and each fault is found.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use coordinator::proof::identity_digest;
use coordinator::system;
use oneworker_tests::{
    Bystander, Forbidden, Identity, NOBODY, Run, Squatter, forbid, free_port, go_on, is_root, kill, stop,
};
use serde_json::Value;

/// An identity with a name that no user has.
fn identity() -> Identity {
    crate::identity().flag("--name", "doctor-test").without_backoff()
}

fn doctor(identity: &Identity) -> Run {
    identity.command("doctor").arg("--json")
}

/// What this check found; fails if the exit code does not say whether anything is a problem.
fn found(run: Run, check: &str) -> Vec<Value> {
    let (status, answer) = run.json();
    let all = answer["findings"].as_array().unwrap();
    let problem = all.iter().any(|finding| finding["level"] == "problem" && finding["repaired"] != true);
    assert_eq!(status, if problem { 6 } else { 0 }, "{answer:#}");
    all.iter().filter(|finding| finding["check"] == check).cloned().collect()
}

/// That this check found one thing, of this level, that has these words in it.
fn assert_found(identity: &Identity, check: &str, level: &str, words: &str) {
    let found = found(doctor(identity), check);
    assert_eq!(found.len(), 1, "{check}: {found:#?}");
    assert_eq!(found[0]["level"], level, "{found:#?}");
    assert!(found[0]["message"].as_str().unwrap().contains(words), "{found:#?}");
    assert!(!found[0]["help"].as_str().unwrap().is_empty(), "{found:#?}");
}

/// One whose worker is halted, so that what is written down stays as the test has it.
fn halted(change: impl FnOnce(&mut Value)) -> (Identity, u32) {
    let identity = identity();
    let worker = identity.patient();
    stop(worker.pid);
    identity.edit("worker.json", change);
    (identity, worker.pid)
}

#[test]
fn nothing_is_said_where_nothing_is_wrong_and_nothing_is_made() {
    let silent = |identity: &Identity| {
        let output = identity.command("doctor").output();
        let said = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success() && said.is_empty(),
            "{}: {}",
            output.status,
            String::from_utf8_lossy(&said)
        );
    };
    let identity = identity().on_port(free_port());
    silent(&identity);
    assert!(!identity.state_dir().exists());
    identity.patient();
    silent(&identity);
    identity.stop();
    silent(&identity);
    let left = fs::read_dir(identity.state_dir()).unwrap().flatten().map(|entry| entry.file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("scratch")));
}

#[test]
fn a_directory_that_is_open_to_others_is_found_and_mended() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    fs::set_permissions(identity.state_dir(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_found(&identity, "directory", "problem", "open to other users (mode 755)");
    let mended = found(doctor(&identity).arg("--repair"), "directory");
    assert_eq!(mended[0]["repaired"], true, "{mended:#?}");
    assert_eq!(fs::metadata(identity.state_dir()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(found(doctor(&identity), "directory").is_empty());
}

#[test]
fn a_lock_file_that_is_none_and_a_file_of_another_user_are_found() {
    let identity = identity();
    identity.patient();
    identity.stop();
    fs::remove_file(identity.file("spawn.lock")).unwrap();
    symlink("/dev/null", identity.file("spawn.lock")).unwrap();
    assert_found(&identity, "files", "problem", "spawn.lock is no plain file");
    fs::remove_file(identity.file("spawn.lock")).unwrap();
    if is_root() {
        std::os::unix::fs::chown(identity.file("epoch"), Some(NOBODY), None).unwrap();
        assert_found(&identity, "files", "problem", "epoch belongs to user");
    }
}

#[test]
fn locks_that_can_not_be_tried_are_found() {
    let identity = identity();
    identity.patient();
    let found = found(doctor(&identity).with(forbid(Forbidden::Processes)), "locks");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0]["message"].as_str().unwrap().contains("can't be tried"), "{found:#?}");
}

#[test]
fn a_record_that_is_none_is_found() {
    let identity = identity();
    identity.patient();
    identity.stop();
    fs::write(identity.file("worker.json"), "{").unwrap();
    assert_found(&identity, "record", "warning", "worker.json can't be read");
}

#[test]
fn a_record_of_somebody_else_and_a_worker_that_does_not_answer_are_found() {
    let (identity, worker) = halted(|record| record["pid"] = 1.into());
    let found = found(doctor(&identity), "record");
    assert!(
        found.iter().any(|finding| finding["message"].as_str().unwrap().contains("is not of process")),
        "{found:#?}"
    );
    go_on(worker);
}

#[test]
fn a_worker_elsewhere_is_found() {
    let (identity, worker) = halted(|record| record["net_namespace"] = "net:[1]".into());
    assert_found(&identity, "surroundings", "problem", "another network namespace");
    go_on(worker);
}

#[test]
fn a_worker_of_another_version_is_found() {
    let (identity, worker) = halted(|record| record["version"] = "0.0.9".into());
    assert_found(&identity, "versions", "warning", "0.0.9");
    go_on(worker);
}

#[test]
fn a_stranger_on_the_port_is_found() {
    let port = free_port();
    let identity = identity().on_port(port);
    let _squatter = Squatter::on(port, |_| Ok(()));
    assert_found(&identity, "port", "problem", &format!("port {port} is held by"));
}

#[test]
fn damaged_databases_are_found() {
    let identity = identity();
    identity.patient();
    identity.stop();
    // The header is right, and what comes after it is not.
    let path = identity.file("worker.db");
    let mut data = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let length = data.metadata().unwrap().len();
    data.seek(SeekFrom::Start(4096)).unwrap();
    data.write_all(&vec![0xA5; usize::try_from(length - 4096).unwrap()]).unwrap();
    drop(data);
    assert_found(&identity, "database", "problem", "worker.db is not in order");
    fs::remove_file(path).unwrap();
    fs::write(identity.file("lifecycle.db"), vec![0xAB; 8192]).unwrap();
    assert_found(&identity, "database", "problem", "lifecycle.db is not in order");
}

#[test]
fn a_clock_that_was_set_back_is_found() {
    let identity = identity();
    identity.patient();
    identity.wait_until_noted();
    identity.stop();
    let history = rusqlite::Connection::open(identity.file("lifecycle.db")).unwrap();
    history.execute("UPDATE events SET at_ms = at_ms + 86400000", []).unwrap();
    drop(history);
    assert_found(&identity, "clock", "warning", "in the future");
}

#[test]
fn what_is_left_of_a_past_tenure_and_a_stray_are_found() {
    let identity = identity();
    let user = system::machine().processes.surroundings().user;
    let digest = identity_digest(&"doctor-test".parse().unwrap(), &user, &identity.state_dir());
    let mut left =
        Command::new("sleep").arg("600").env("ONEWORKER_TENURE", format!("{digest}.3.aa")).spawn().unwrap();
    assert_found(&identity, "orphans", "warning", &format!("sleep (pid {}) is left", left.id()));
    kill(left.id());
    left.wait().unwrap();
    // Of a time that no other test sleeps for.
    let mut stray = Command::new("sleep").arg("7654.25").spawn().unwrap();
    let program = fs::read_link(format!("/proc/{}/exe", stray.id())).unwrap();
    let patterns =
        serde_json::json!({ "worker": [[program.file_name().unwrap().to_str().unwrap(), "7654.25"]] })
            .to_string();
    let mut bystander = Bystander::named("sleep 7654.25");
    let strays = found(doctor(&identity).args(["--strays", &patterns]), "orphans");
    kill(stray.id());
    stray.wait().unwrap();
    assert_eq!(strays.len(), 1, "{strays:#?}");
    assert!(strays[0]["message"].as_str().unwrap().starts_with("1 processes look like"), "{strays:#?}");
    bystander.assert_untouched();
}

#[test]
fn a_log_that_is_too_large_is_found() {
    let identity = identity();
    fs::create_dir_all(identity.file("logs")).unwrap();
    fs::File::create(identity.file("logs/worker.log")).unwrap().set_len(50 << 20).unwrap();
    assert_found(&identity, "logs", "warning", "worker.log has 52428800 bytes");
}

#[test]
fn another_state_directory_of_the_name_is_found() {
    let identity = identity();
    let other = identity.scratch().join("home/.local/state/oneworker/doctor-test");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("worker.lock"), "").unwrap();
    let found = found(doctor(&identity).env("HOME", identity.scratch().join("home")), "namesakes");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0]["message"].as_str().unwrap().contains(other.to_str().unwrap()), "{found:#?}");
}
