//! What a worker is asked, over real connections: it goes on serving, and takes no more memory than its limits allow.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::time::{Duration, Instant};

use oneworker_tests::{Identity, Success};
use proptest::prelude::*;

use super::mutation::hostile;
use crate::{BINARY, cases};

/// How much a worker may grow by all of this, in KiB. Several times what one request may hold.
const GROWTH: u64 = 12 * 1024;
/// How long one request without an end may keep its connection: far beyond its limits and what a loaded machine adds, and far from for
/// ever. The limits themselves are tested where they can be short.
const PATIENCE: Duration = oneworker_tests::PATIENCE;

fn requests(port: u16) -> Vec<Vec<u8>> {
    let host = format!("host: 127.0.0.1:{port}\r\n");
    let challenge = "0123456789abcdef".repeat(2);
    [
        format!("GET /health?challenge={challenge} HTTP/1.1\r\n{host}\r\n"),
        format!("GET /health HTTP/1.1\r\n{host}connection: close\r\n\r\n"),
        format!("GET /ready HTTP/1.1\r\n{host}\r\nGET /version HTTP/1.1\r\n{host}\r\n"),
        format!("HEAD http://127.0.0.1:{port}/health?a=b&challenge={challenge} HTTP/1.0\r\n{host}\r\n"),
        format!(
            "POST /admin/shutdown HTTP/1.1\r\n{host}authorization: Bearer {}\r\ncontent-length: 13\r\n\r\n{{\"why\":\"test\"}}",
            "0".repeat(64)
        ),
        format!(
            "POST /admin/shutdown HTTP/1.1\r\n{host}transfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\nd\r\n{{\"why\":\"test\"}}\r\n0\r\n\r\n"
        ),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// Says it all, and listens until the worker has closed.
fn say(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    // A worker that has heard enough closes, and the rest can't be said.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
        {
            panic!("the connection stayed open for {PATIENCE:?}")
        }
        _ => answer,
    }
}

/// Says the first, then the second over and over until the worker closes; how much it took.
fn say_without_end(port: u16, first: &[u8], more: &[u8]) -> usize {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let begun = Instant::now();
    let mut said = 0;
    let _ = stream.write_all(first);
    while stream.write_all(more).is_ok() {
        said += more.len();
        assert!(begun.elapsed() < PATIENCE, "it listened for {PATIENCE:?}, to {said} bytes");
    }
    said
}

/// Says the first, then a byte now and then until the worker closes.
fn say_slowly(port: u16, first: &[u8], byte: u8) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let begun = Instant::now();
    stream.write_all(first).unwrap();
    while stream.write_all(&[byte]).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "it waited for {PATIENCE:?} after {}", first.escape_ascii());
        // The pace is what is tested.
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Asks over and over, and does not listen to the answers.
fn ask_and_not_listen(port: u16, question: &[u8]) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let (begun, questions) = (Instant::now(), question.repeat(1000));
    // Once the buffers are full on both sides, this waits until the worker closes.
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    while stream.write_all(&questions).is_ok() {}
    assert!(begun.elapsed() < PATIENCE, "it waited for {PATIENCE:?} to be listened to");
}

/// The most memory that the process ever had, in KiB (proc_pid_status(5)).
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

fn serves_on(identity: &Identity, worker: &Success, before: u64) {
    let answer = identity.ensure().patiently().success();
    assert_eq!((answer.outcome.as_str(), answer.pid, answer.epoch), ("reused", worker.pid, worker.epoch));
    let now = peak(worker.pid);
    assert!(now <= before + GROWTH, "it grew from {before} to {now} KiB");
}

#[test]
fn a_worker_survives_requests_of_any_bytes() {
    let identity = Identity::new(BINARY);
    let worker = identity.ensure().patiently().success();
    let before = peak(worker.pid);
    proptest!(cases(192), |(request in hostile(requests(worker.port)))| {
        let answer = say(worker.port, &request);
        prop_assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
    });
    serves_on(&identity, &worker, before);
}

#[test]
fn a_worker_does_not_listen_for_ever_to_what_has_no_end() {
    let identity = Identity::new(BINARY);
    let worker = identity.ensure().patiently().success();
    let before = peak(worker.pid);
    let token = fs::read_to_string(identity.file("token")).unwrap();
    let head = format!("host: 127.0.0.1:{}\r\nauthorization: Bearer {token}\r\n", worker.port);
    let post = |more: &str| format!("POST /admin/shutdown HTTP/1.1\r\n{head}{more}\r\n").into_bytes();
    let endless: [(Vec<u8>, &[u8]); 7] = [
        (Vec::new(), b"\r\n"),
        (Vec::new(), b"\0"),
        (b"GET /".to_vec(), b"a"),
        (b"GET /health HTTP/1.1\r\n".to_vec(), b"x: y\r\n"),
        (b"GET /health HTTP/1.1\r\nx: ".to_vec(), b"y"),
        (post("transfer-encoding: chunked\r\n"), b"1\r\n \r\n"),
        (post("content-length: 18446744073709551615\r\n"), b" "),
    ];
    for (first, more) in endless {
        let more = more.repeat(4096);
        // What the kernel's buffers hold on both sides counts as said.
        let said = say_without_end(worker.port, &first, &more);
        assert!(said < 64 << 20, "{said} bytes after {}", String::from_utf8_lossy(&first));
    }
    serves_on(&identity, &worker, before);
}

#[test]
fn a_worker_does_not_wait_for_ever_for_who_is_slow() {
    let identity = Identity::new(BINARY);
    let worker = identity.ensure().patiently().success();
    let (before, port) = (peak(worker.pid), worker.port);
    let token = fs::read_to_string(identity.file("token")).unwrap();
    let host = format!("host: 127.0.0.1:{port}\r\n");
    let post = format!("POST /admin/shutdown HTTP/1.1\r\n{host}authorization: Bearer {token}\r\n");
    let question = format!("GET /version HTTP/1.1\r\n{host}\r\n");
    std::thread::scope(|scope| {
        let slow = [
            (String::new(), b'\n'),
            ("GET /".to_owned(), b'a'),
            (format!("GET /health HTTP/1.1\r\n{host}x: "), b'y'),
            // The next head of a connection that has been answered.
            (format!("{question}GET /"), b'a'),
            (format!("{post}content-length: 1000\r\n\r\n"), b' '),
            (format!("{post}transfer-encoding: chunked\r\n\r\n3e8\r\n"), b' '),
        ];
        for (first, byte) in slow {
            scope.spawn(move || say_slowly(port, first.as_bytes(), byte));
        }
        scope.spawn(|| ask_and_not_listen(port, question.as_bytes()));
    });
    serves_on(&identity, &worker, before);
}
