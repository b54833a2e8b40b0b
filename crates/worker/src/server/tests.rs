//! The server over real loopback sockets, for an office that is only played.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use coordinator::machine::Pid;
use coordinator::record::WorkerState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::*;
use crate::handover::Agreed;
use crate::stop::{Stop, StopReason};

const TOKEN: &str = "5ec2e7";
/// Whom the played office is handed over to.
const SUCCESSOR: Pid = Pid(43);
/// Far beyond what any of this takes; reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(300);

struct Played {
    version: semver::Version,
    superseded: Mutex<Option<String>>,
    /// One permit is needed for each answer with a challenge.
    answers: Semaphore,
    /// So many of those were asked for.
    asked: AtomicUsize,
}

impl Office for Played {
    async fn answer(&self, challenge: Option<&Challenge>, dialled: SocketAddr) -> Result<Health, Superseded> {
        if challenge.is_some() {
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.answers.acquire().await.unwrap().forget();
        }
        if let Some(why) = self.superseded.lock().unwrap().clone() {
            return Err(Superseded { why });
        }
        Ok(Health {
            schema: 1,
            name: coordinator::Name::default(),
            identity: String::new(),
            epoch: Epoch(7),
            pid: Pid(42),
            address: dialled,
            version: self.version.clone(),
            protocol: ProtocolRange::default(),
            state: WorkerState::Ready,
            service: None,
            proof: challenge.map(|challenge| challenge.as_str().to_owned()),
        })
    }
    async fn hand_over_to(&self, request: &HandOver) -> Result<(), HandOverRefused> {
        match request.successor.pid {
            SUCCESSOR => Ok(()),
            other => Err(HandOverRefused::NoSuchProcess(other)),
        }
    }
    fn token(&self) -> &str {
        TOKEN
    }
    fn epoch(&self) -> Epoch {
        Epoch(7)
    }
    fn version(&self) -> &semver::Version {
        &self.version
    }
    fn protocol(&self) -> ProtocolRange {
        ProtocolRange::default()
    }
}

struct House {
    address: SocketAddr,
    office: Arc<Played>,
    desk: Arc<Desk<Played>>,
    stop: Stop,
    agreed: Agreed,
    server: Server,
}

fn open(limits: Limits) -> House {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let office = Arc::new(Played {
        version: semver::Version::new(1, 2, 3),
        superseded: Mutex::default(),
        answers: Semaphore::new(1000),
        asked: AtomicUsize::new(0),
    });
    let stop = Stop::new();
    let agreed = Agreed::default();
    let desk = Arc::new(Desk::new(office.clone(), stop.clone(), agreed.clone()));
    let front = Front::new(desk.clone(), axum::Router::new(), address, limits);
    let server = Server::start(listener, Vec::new(), front, limits).unwrap();
    House { address, office, desk, stop, agreed, server }
}

impl House {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends one request on a new connection, and reads until it is closed.
    async fn ask(&self, request_line: &str, headers: &[&str], body: &str) -> String {
        let host = format!("host: {}", self.address);
        self.ask_as(request_line, &[&[host.as_str()], headers].concat(), body).await
    }

    async fn ask_as(&self, request_line: &str, headers: &[&str], body: &str) -> String {
        let mut stream = self.connect().await;
        let headers = [headers, &["connection: close"]].concat().join("\r\n");
        let request =
            format!("{request_line} HTTP/1.1\r\n{headers}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        read_to_end(&mut stream).await
    }
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is an end as well.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("it is closed in the end");
    String::from_utf8(answer).unwrap()
}

/// Reads one answer with a body, of a connection that stays open.
async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    let mut piece = [0; 1024];
    while !answer.ends_with('}') {
        let length = tokio::time::timeout(PATIENCE, stream.read(&mut piece)).await.unwrap().unwrap();
        assert_ne!(length, 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&piece[..length]).unwrap());
    }
    answer
}

fn is_refusal(answer: &str, status: u16, code: &str) -> bool {
    answer.starts_with(&format!("HTTP/1.1 {status} "))
        && answer.contains(&format!(r#"{{"error":{{"code":"{code}","message":"#))
}

const CHALLENGE: &str = "0123456789abcdef";
const BEARER: &str = "authorization: Bearer 5ec2e7";

#[tokio::test]
async fn health_is_answered_with_the_address_that_was_dialled_and_the_proof() {
    let house = open(Limits::default());
    let answer = house.ask(&format!("GET /health?challenge={CHALLENGE}"), &[], "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let health: Health = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(health.address, house.address);
    assert_eq!(health.proof.as_deref(), Some(CHALLENGE));
    assert!(is_refusal(&house.ask("GET /health?challenge=xyz", &[], "").await, 400, "bad_challenge"));
}

#[tokio::test]
async fn ready_is_said_only_between_the_opening_and_the_stop() {
    let house = open(Limits::default());
    assert!(is_refusal(&house.ask("GET /ready", &[], "").await, 503, "not_ready"));
    house.desk.open();
    assert!(house.ask("GET /ready", &[], "").await.ends_with(r#"{"ready":true,"epoch":7}"#));
    house.stop.begin(StopReason::Signal("SIGTERM"));
    assert!(is_refusal(&house.ask("GET /ready", &[], "").await, 503, "not_ready"));
}

#[tokio::test]
async fn the_version_is_told_unknown_paths_and_methods_are_not_taken() {
    let house = open(Limits::default());
    let answer = house.ask("GET /version", &[], "").await;
    assert!(answer.ends_with(r#"{"version":"1.2.3","protocol":{"min":1,"max":1}}"#), "{answer}");
    assert!(is_refusal(&house.ask("GET /etc/passwd", &[BEARER], "").await, 404, "not_found"));
    let wrong = house.ask("POST /health", &[BEARER], "").await;
    assert!(is_refusal(&wrong, 405, "wrong_method") && wrong.contains("\r\nallow: GET,HEAD\r\n"), "{wrong}");
    assert!(is_refusal(&house.ask("GET /admin/shutdown", &[BEARER], "").await, 405, "wrong_method"));
}

#[tokio::test]
async fn the_gate_is_in_front_of_every_route() {
    let house = open(Limits::default());
    let rebound = format!("host: evil.example:{}", house.address.port());
    for path in ["/health", "/ready", "/version", "/nowhere"] {
        assert!(is_refusal(&house.ask_as(&format!("GET {path}"), &[&rebound], "").await, 421, "bad_host"));
        let page = house.ask(&format!("GET {path}"), &["origin: http://evil.example"], "").await;
        assert!(is_refusal(&page, 403, "bad_origin"), "{page}");
        let bare = house.ask(&format!("POST {path}"), &[], "").await;
        assert!(
            is_refusal(&bare, 401, "unauthorized") && bare.contains("www-authenticate: Bearer\r\n"),
            "{bare}"
        );
    }
}

#[tokio::test]
async fn who_is_refused_before_his_body_is_read_is_told_that_the_connection_closes() {
    let house = open(Limits::default());
    for (length, closes) in [(0, false), (9, true)] {
        let mut stream = house.connect().await;
        let head = format!(
            "POST /observations HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n\r\n",
            house.address
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert!(is_refusal(&answer, 401, "unauthorized"), "{answer}");
        assert_eq!(answer.contains("connection: close\r\n"), closes, "{answer}");
    }
}

#[tokio::test]
async fn a_hand_over_needs_the_bearer_and_a_successor_and_is_agreed_to_before_the_answer() {
    let house = open(Limits::default());
    let hand_over = "POST /admin/hand-over";
    let of = |pid: u32| format!(r#"{{"pid":{pid},"start_time":7,"boot_id":"b","lasts_ms":1000}}"#);
    assert!(is_refusal(&house.ask(hand_over, &[], &of(43)).await, 401, "unauthorized"));
    for body in ["", "{}", r#"{"pid":43}"#] {
        assert!(is_refusal(&house.ask(hand_over, &[BEARER], body).await, 400, "bad_body"), "{body}");
    }
    assert!(is_refusal(&house.ask(hand_over, &[BEARER], &of(44)).await, 409, "not_handed_over"));
    let agreed = tokio::time::timeout(Duration::ZERO, house.agreed.told()).await;
    assert!(agreed.is_err(), "nothing was agreed to");
    let answer = house.ask(hand_over, &[BEARER], &of(43)).await;
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.ends_with(r#"{"handing_over":true}"#), "{answer}");
    tokio::time::timeout(PATIENCE, house.agreed.told()).await.unwrap();
    house.stop.begin(StopReason::Signal("SIGTERM"));
    assert!(is_refusal(&house.ask(hand_over, &[BEARER], &of(43)).await, 503, "not_ready"));
}

#[tokio::test]
async fn a_shutdown_needs_the_bearer_and_is_answered_before_the_server_closes() {
    let house = open(Limits::default());
    let shutdown = "POST /admin/shutdown";
    assert!(is_refusal(&house.ask(shutdown, &[], "{}").await, 401, "unauthorized"));
    assert!(is_refusal(
        &house.ask(shutdown, &["authorization: Bearer 5ec2e8"], "").await,
        401,
        "unauthorized"
    ));
    assert!(is_refusal(&house.ask(shutdown, &[BEARER], "{\"why\":").await, 400, "bad_body"));
    assert!(!house.stop.has_begun());
    let answer = house.ask(shutdown, &[BEARER], r#"{"why":"upgrade"}"#).await;
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.ends_with(r#"{"stopping":true}"#), "{answer}");
    assert_eq!(house.stop.begun().await, StopReason::Asked { why: "upgrade".to_owned() });
}

#[tokio::test]
async fn a_superseded_office_gives_no_answer_and_stops() {
    let house = open(Limits::default());
    *house.office.superseded.lock().unwrap() = Some("the directory was replaced".to_owned());
    assert!(is_refusal(&house.ask("GET /health", &[], "").await, 503, "superseded"));
    assert_eq!(
        house.stop.begun().await,
        StopReason::Superseded { why: "the directory was replaced".to_owned() }
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_announced_or_not() {
    let limits = Limits { body_bytes: 100, ..Limits::default() };
    let house = open(limits);
    let body = "x".repeat(101);
    assert!(is_refusal(&house.ask("POST /admin/shutdown", &[BEARER], &body).await, 413, "body_too_large"));
    let mut stream = house.connect().await;
    let head = format!(
        "POST /admin/shutdown HTTP/1.1\r\nhost: localhost\r\n{BEARER}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(format!("{head}65\r\n{body}\r\n").as_bytes()).await.unwrap();
    assert!(is_refusal(&read_answer(&mut stream).await, 413, "body_too_large"));
    assert!(!house.stop.has_begun());
}

#[tokio::test]
async fn heads_that_are_too_large_or_too_slow_end_the_connection() {
    let house =
        open(Limits { head_bytes: 8 * 1024, head_time: Duration::from_millis(100), ..Limits::default() });
    let large = format!("x-padding: {}", "x".repeat(9 * 1024));
    let answer = house.ask("GET /health", &[&large], "").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");

    let (mut slow, mut silent) = (house.connect().await, house.connect().await);
    slow.write_all(b"GET /health HTTP/1.1\r\nhost: ").await.unwrap();
    let begun = Instant::now();
    read_to_end(&mut slow).await;
    read_to_end(&mut silent).await;
    assert!(begun.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let house = open(Limits { request_time: Duration::from_millis(100), ..Limits::default() });
    let mut stream = house.connect().await;
    let head =
        format!("POST /admin/shutdown HTTP/1.1\r\nhost: localhost\r\n{BEARER}\r\ncontent-length: 10\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(is_refusal(&read_answer(&mut stream).await, 408, "request_timeout"));
}

#[tokio::test]
async fn quiet_connections_make_room_for_a_probe() {
    let house = open(Limits { connections: 3, ..Limits::default() });
    let mut quiet = Vec::new();
    for _ in 0..3 {
        let mut stream = house.connect().await;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        read_answer(&mut stream).await;
        quiet.push(stream);
    }
    assert!(house.ask("GET /health", &[], "").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(read_to_end(&mut quiet[0]).await, "", "the one that was quiet for longest was closed");
    quiet[2].write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert!(read_answer(&mut quiet[2]).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn one_too_many_is_told_so_when_all_are_in_the_middle_of_a_request() {
    let house = open(Limits { connections: 2, ..Limits::default() });
    house.office.answers.forget_permits(1000);
    let request = format!("GET /health?challenge={CHALLENGE} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut stream = house.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        busy.push(stream);
    }
    // A connection whose request has not been read yet is a quiet one, and would have to make room.
    let deadline = Instant::now() + PATIENCE;
    while house.office.asked.load(Ordering::Relaxed) < 2 {
        assert!(Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    assert!(is_refusal(&house.ask("GET /ready", &[], "").await, 503, "too_many_connections"));
    house.office.answers.add_permits(2);
    for stream in &mut busy {
        assert!(read_answer(stream).await.starts_with("HTTP/1.1 200 "));
    }
    assert!(house.ask("GET /health", &[], "").await.starts_with("HTTP/1.1 200 "));
}

#[cfg(unix)]
#[tokio::test]
async fn connections_between_two_requests_are_passed_on_with_what_was_read_of_them() {
    let house = open(Limits::default());
    house.office.answers.forget_permits(1000);
    let request = format!("GET /version HTTP/1.1\r\nhost: {}\r\n\r\n", house.address);
    let slow = format!("GET /health?challenge={CHALLENGE} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let [mut quiet, mut fresh, mut half, mut first] =
        [house.connect().await, house.connect().await, house.connect().await, house.connect().await];
    let mut busy = house.connect().await;
    busy.write_all(slow.as_bytes()).await.unwrap();
    for stream in [&mut quiet, &mut half] {
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(read_answer(stream).await.starts_with("HTTP/1.1 200 "));
    }
    let (begun, rest) = request.split_at(20);
    // The one has had an answer, and the other none.
    for stream in [&mut half, &mut first] {
        stream.write_all(begun.as_bytes()).await.unwrap();
    }
    assert!(
        house.ask("GET /version", &[], "").await.starts_with("HTTP/1.1 200 "),
        "and so the others have arrived"
    );

    let socket = TcpListener::from(house.server.socket().unwrap().try_clone_to_owned().unwrap());
    let (office, desk, address) = (house.office.clone(), house.desk.clone(), house.address);
    let passing = tokio::spawn(house.server.pass_on(PATIENCE, std::future::pending()));
    // It is accepted by nobody for the time being, and not refused.
    let mut early = TcpStream::connect(address).await.unwrap();
    early.write_all(request.as_bytes()).await.unwrap();
    office.answers.add_permits(1);
    let answer = read_to_end(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
    let (drained, connections) = passing.await.unwrap();
    assert_eq!((drained.cut, connections.len()), (0, 4));

    let front = Front::new(desk, axum::Router::new(), address, Limits::default());
    let _server = Server::start(socket, connections, front, Limits::default()).unwrap();
    for stream in [&mut half, &mut first] {
        stream.write_all(rest.as_bytes()).await.unwrap();
    }
    for stream in [&mut quiet, &mut fresh] {
        stream.write_all(request.as_bytes()).await.unwrap();
    }
    for stream in [&mut quiet, &mut fresh, &mut half, &mut first, &mut early] {
        assert!(read_answer(stream).await.ends_with(r#""protocol":{"min":1,"max":1}}"#));
    }
}

#[tokio::test]
async fn a_drain_lets_requests_end_and_refuses_new_ones() {
    let house = open(Limits::default());
    house.office.answers.forget_permits(1000);
    let mut busy = house.connect().await;
    let request = format!("GET /health?challenge={CHALLENGE} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    busy.write_all(request.as_bytes()).await.unwrap();
    let _idle = house.connect().await;
    assert!(
        house.ask("GET /health", &[], "").await.starts_with("HTTP/1.1 200 "),
        "and so the others have arrived"
    );
    let (address, office) = (house.address, house.office.clone());
    let drain = tokio::spawn(house.server.drain(PATIENCE, std::future::pending()));
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    office.answers.add_permits(1);
    let answer = read_to_end(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(drain.await.unwrap().cut, 0);
}

#[tokio::test]
async fn a_drain_ends_by_its_limit_or_sooner_in_a_hurry() {
    for limit in [Duration::from_millis(200), Duration::from_secs(3600)] {
        let house = open(Limits { request_time: Duration::from_secs(3600), ..Limits::default() });
        house.office.answers.forget_permits(1000);
        let mut busy = house.connect().await;
        let request = format!("GET /health?challenge={CHALLENGE} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        busy.write_all(request.as_bytes()).await.unwrap();
        assert!(house.ask("GET /health", &[], "").await.starts_with("HTTP/1.1 200 "));
        house.stop.begin_or_hurry(StopReason::Signal("SIGTERM"));
        if limit > PATIENCE {
            house.stop.begin_or_hurry(StopReason::Signal("SIGTERM"));
        }
        let drained =
            tokio::time::timeout(PATIENCE, house.server.drain(limit, house.stop.hurried())).await.unwrap();
        assert_eq!(drained.cut, 1);
        assert_eq!(read_to_end(&mut busy).await, "");
    }
}
