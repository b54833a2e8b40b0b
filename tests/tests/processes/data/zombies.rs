//! A worker that outlives its office does not write: the database itself refuses it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use oneworker_tests::{
    Identity, Success, go_on, kill_and_wait, stop, wait_for, wait_until_gone, wait_until_stopped,
};
use serde_json::Value;

use crate::identity;

/// Hands an observation to this very worker, whoever is in office; its status and answer.
fn put(identity: &Identity, worker: &Success, text: &str) -> (u16, Value) {
    let token = fs::read_to_string(identity.file("token")).unwrap();
    let body = format!(r#"{{"session":"s","kind":"k","text":"{text}"}}"#);
    let address = worker.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /observations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer
        .split(' ')
        .nth(1)
        .unwrap_or_else(|| panic!("no answer; the worker: {}", identity.log()))
        .parse()
        .unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap())
}

/// Two identities, each with its own state directory, as after a directory was replaced; and one database.
fn two_on_one_database() -> (tempfile::TempDir, Identity, Identity) {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("shared.db").to_str().unwrap().to_owned();
    let both = || identity().env("ONEWORKER_DATABASE", &database);
    (dir, both(), both())
}

/// A worker that has come to the end of its start: one that is superseded before that cuts off who asks it.
fn well_started(identity: &Identity) -> Success {
    let worker = identity.patient();
    wait_for("the end of the start", || identity.log().contains("ready at").then_some(()));
    worker
}

fn texts(dir: &tempfile::TempDir) -> Vec<String> {
    let db = rusqlite::Connection::open(dir.path().join("shared.db")).unwrap();
    let mut query = db.prepare("SELECT text FROM observations ORDER BY id").unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn the_commits_of_an_older_worker_are_refused_after_a_newer_ones_claim_and_it_stops_and_says_why() {
    let (dir, old, new) = two_on_one_database();
    let first = well_started(&old);
    assert_eq!(put(&old, &first, "before").0, 200);
    let second = new.patient();
    assert!(second.epoch > first.epoch, "{} after {}", second.epoch, first.epoch);
    let (status, refused) = put(&old, &first, "after");
    assert_eq!((status, &refused["error"]["code"]), (503, &"superseded".into()), "{refused}");
    wait_until_gone(first.pid);
    assert!(
        old.log().contains(&format!("the database belongs to epoch {} now", second.epoch)),
        "{}",
        old.log()
    );
    assert_eq!(put(&new, &second, "of the newer").0, 200);
    assert_eq!(texts(&dir), ["before", "of the newer"]);
}

#[test]
fn a_worker_that_was_frozen_commits_nothing_after_its_successors_claim() {
    let (dir, old, new) = two_on_one_database();
    let first = well_started(&old);
    stop(first.pid);
    wait_until_stopped(first.pid);
    let second = new.patient();
    assert_eq!(put(&new, &second, "of the newer").0, 200);
    // What was handed to it while it was frozen is in its socket.
    let asked = std::thread::scope(|scope| {
        let asked = scope.spawn(|| put(&old, &first, "while frozen"));
        go_on(first.pid);
        asked.join().unwrap()
    });
    assert_eq!((asked.0, &asked.1["error"]["code"]), (503, &"superseded".into()), "{}", asked.1);
    wait_until_gone(first.pid);
    assert_eq!(texts(&dir), ["of the newer"]);
}

/// Frozen with the database's write lock in its hands, by a failpoint.
fn frozen_in_a_transaction(identity: &Identity) -> Success {
    let worker = identity.ensure_failing("store.writing=stop").patiently().success();
    let token = fs::read_to_string(identity.file("token")).unwrap();
    let address = worker.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let body = r#"{"session":"s","kind":"k","text":"half"}"#;
    write!(stream, "POST /observations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    wait_until_stopped(worker.pid);
    worker
}

#[test]
fn a_worker_that_is_stopped_in_the_middle_of_a_transaction_is_replaced_and_what_it_wrote_is_not_there() {
    let identity = identity().hang_limit("2s");
    let worker = frozen_in_a_transaction(&identity);
    let next = identity.patient();
    assert_eq!(next.outcome, "replaced");
    wait_until_gone(worker.pid);
    assert_eq!(
        put(&identity, &next, "whole"),
        (200, serde_json::json!({"new":1,"observations":[{"id":1,"new":true}]}))
    );
}

#[test]
fn a_database_that_another_identitys_frozen_worker_keeps_locked_is_named_with_that_worker() {
    let (dir, old, new) = two_on_one_database();
    let frozen = frozen_in_a_transaction(&old);
    let failure = new.patient_ensure().failure();
    assert_eq!(failure.error["worker_code"], "database_busy", "{:?}", failure.error);
    let message = failure.error["message"].as_str().unwrap();
    if cfg!(target_os = "linux") {
        assert!(message.contains(&format!("pid {}", frozen.pid)), "{message}");
    }
    kill_and_wait(frozen.pid);
    let second = new.patient();
    assert_eq!(put(&new, &second, "of the newer").0, 200);
    assert_eq!(texts(&dir), ["of the newer"]);
}

/// The state directory of the frozen one may be gone: its epoch is remembered by the database.
#[test]
fn epochs_go_on_where_the_database_was_when_all_other_files_are_lost() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("shared.db").to_str().unwrap().to_owned();
    let identity = identity().without_backoff().env("ONEWORKER_DATABASE", &database);
    for epoch in 1..=3 {
        let worker = identity.patient();
        assert_eq!(worker.epoch, epoch);
        kill_and_wait(worker.pid);
        fs::remove_dir_all(identity.state_dir()).unwrap();
    }
    wait_for("no process to be left", || identity.workers().is_empty().then_some(()));
}
