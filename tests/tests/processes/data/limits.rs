//! Full disks, broken files, and files that are not ours to touch.

use std::fs;

use oneworker_tests::{Identity, Tmpfs, needs_root};
use serde_json::Value;

use crate::identity;

fn put(identity: &Identity, text: &str) -> (i32, Value) {
    identity.command("put").patiently().args(["--json", text]).json()
}

#[test]
fn a_full_disk_is_told_to_the_client_loses_nothing_and_is_forgotten_when_there_is_room() {
    if needs_root() {
        return;
    }
    let identity = identity();
    let at = identity.scratch().join("small");
    let disk = match Tmpfs::mount(&at, "1m") {
        Ok(disk) => disk,
        Err(why) => return eprintln!("skipped: this system forbids mounting: {why}"),
    };
    let database = at.join("worker.db");
    let identity = identity.env("ONEWORKER_DATABASE", database.to_str().unwrap());
    let long = "word ".repeat(1000);
    let (mut kept, mut refused) = (0, None);
    while refused.is_none() {
        match put(&identity, &long) {
            (0, _) => kept += 1,
            (status, said) => refused = Some((status, said)),
        }
    }
    let (status, said) = refused.unwrap();
    assert_eq!((status, &said["error"]["code"]), (62, &"disk_full".into()), "{said}");
    let worker = identity.only_worker();
    disk.fill();
    assert_eq!(put(&identity, &long).0, 62);
    disk.clear();
    // Room is made by what is no longer needed, too.
    let (status, said) = identity.command("search").args(["--json", "--limit", "1000", "word"]).json();
    assert_eq!((status, said["observations"].as_array().unwrap().len()), (0, kept), "{said}");
    assert_eq!(identity.only_worker(), worker, "the worker did not outlive it");
    identity.stop();
    let db = rusqlite::Connection::open(&database).unwrap();
    let whole: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    let rows: u32 = db.query_row("SELECT count(*) FROM observations", [], |row| row.get(0)).unwrap();
    assert_eq!((whole.as_str(), rows as usize), ("ok", kept));
}

/// What a worker says to a database that it can't use, which it leaves as it is.
fn refuses(identity: &Identity, code: &str) {
    let path = identity.file("worker.db");
    let before = fs::read(&path).unwrap();
    let failure = identity.patient_ensure().failure();
    assert_eq!(failure.error["worker_code"], code, "{:?}", failure.error);
    assert!(failure.error["help"].as_str().unwrap().contains("--database"), "{:?}", failure.error);
    assert!(fs::read(&path).unwrap() == before, "the file was touched");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let identity = identity();
    fs::create_dir(identity.state_dir()).unwrap();
    fs::write(identity.file("worker.db"), "a diary, and no database".repeat(1000)).unwrap();
    refuses(&identity, "database_corrupt");
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_its_tables_are_left_as_they_are() {
    let identity = identity();
    identity.patient();
    assert_eq!(put(&identity, "kept").0, 0);
    identity.stop();
    let db = rusqlite::Connection::open(identity.file("worker.db")).unwrap();
    db.execute_batch("PRAGMA user_version = 77; CREATE TABLE of_the_future (x)").unwrap();
    drop(db);
    let failure = identity.patient_ensure().failure();
    assert_eq!(failure.error["worker_code"], "database_too_new", "{:?}", failure.error);
    let db = rusqlite::Connection::open(identity.file("worker.db")).unwrap();
    db.execute_batch("SELECT * FROM of_the_future; PRAGMA user_version = 1").unwrap();
    drop(db);
    let (_, said) = identity.command("search").patiently().args(["--json", "kept"]).json();
    assert_eq!(said["observations"].as_array().unwrap().len(), 1, "{said}");
}

#[test]
fn another_users_database_is_not_written_to() {
    if needs_root() {
        return;
    }
    let identity = identity();
    identity.patient();
    identity.stop();
    let path = identity.file("worker.db");
    std::os::unix::fs::chown(&path, Some(oneworker_tests::NOBODY), None).unwrap();
    let failure = identity.patient_ensure().failure();
    assert_eq!(failure.error["worker_code"], "database_not_ours", "{:?}", failure.error);
}

/// A thousand clients that know the token, and send the heads of large bodies and no bodies.
#[test]
fn bodies_that_never_come_cost_bounded_memory_and_keep_nobody_from_the_worker() {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    let identity = identity();
    let worker = identity.patient();
    let token = fs::read_to_string(identity.file("token")).unwrap();
    let address = worker.url.strip_prefix("http://").unwrap();
    let head = format!(
        "POST /observations HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: 1000000\r\n\r\n["
    );
    let half_open: Vec<TcpStream> = (0..1000)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(address).ok()?;
            stream.write_all(head.as_bytes()).ok()?;
            Some(stream)
        })
        .collect();
    assert!(half_open.len() > 100, "{}", half_open.len());
    // Whoever asks how it is gets an answer, and whoever has something small to write is told to come again, or is served.
    let answer = identity.patient();
    assert_eq!((answer.pid, answer.outcome.as_str()), (worker.pid, "reused"));
    let mut refused = half_open.last().unwrap();
    let mut said = [0; 12];
    refused.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 503");
    let status = fs::read_to_string(format!("/proc/{}/status", worker.pid)).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 64 * 1024, "{peak} KiB");
    drop(half_open);
    assert_eq!(put(&identity, "small").0, 0);
    assert_eq!(identity.only_worker(), worker.pid);
}
