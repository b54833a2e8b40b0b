use std::fs;

use oneworker_tests::free_port;

use super::{assert_silent, doctor, findings, identity};

#[test]
fn nothing_is_said_where_nothing_is_wrong_and_nothing_is_made() {
    let identity = identity().on_port(free_port());
    assert_silent(&doctor(&identity).output());
    assert_silent(&doctor(&identity).arg("--repair").output());
    assert!(!identity.state_dir().exists());
    identity.patient();
    assert_silent(&doctor(&identity).output());
    let worker = identity.only_worker();
    assert_silent(&doctor(&identity).arg("--repair").output());
    assert_eq!(identity.only_worker(), worker);
    identity.stop();
    assert_silent(&doctor(&identity).output());
    let left = fs::read_dir(identity.state_dir()).unwrap().flatten().map(|entry| entry.file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("scratch")));
}

#[test]
fn nothing_is_said_of_a_worker_that_was_started_by_hand_with_the_rights_that_most_files_get() {
    let identity = identity();
    let serve = identity.command("serve").arg("--foreground").through(r#"umask 022; exec "$@""#);
    let worker = serve.start();
    identity.wait_until_ready(worker.pid());
    assert_silent(&doctor(&identity).output());
    identity.stop();
    assert_silent(&doctor(&identity).output());
}

#[test]
fn the_documentation_lists_every_check() {
    let identity = identity();
    assert!(findings(doctor(&identity)).is_empty());
    let (_, answer) = doctor(&identity).arg("--json").json();
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md");
    let docs = fs::read_to_string(docs).unwrap();
    let checks: Vec<&str> =
        answer["checks"].as_array().unwrap().iter().map(|check| check.as_str().unwrap()).collect();
    for check in &checks {
        assert!(docs.contains(&format!("| `{check}` |")), "{check} is missing");
    }
    let (_, section) = docs.split_once("## What `doctor` can find").unwrap();
    let listed = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut unknown = listed.filter(|listed| !checks.contains(listed));
    assert_eq!(unknown.next(), None);
}
