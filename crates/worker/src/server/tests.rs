//! The server over real loopback sockets, with a tenure that is only played.

mod bounds;
mod control_routes;
mod draining;

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coordinator::machine::Pid;
use coordinator::proof::{Challenge, Health};
use coordinator::record::WorkerState;
use coordinator::{Epoch, HandOver, HandOverRefused, ProtocolRange, Superseded};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::served_tenure::ServedTenure;
use super::*;
use crate::options::Limits;
use crate::stop::{Stop, StopReason};

const TOKEN: &str = "5ec2e7";
/// The process that the tenure can be handed over to.
const SUCCESSOR: Pid = Pid(43);
/// Far beyond what any of this takes; reached only by a failure.
const PATIENCE: Duration = Duration::from_secs(300);

struct FakeTenure {
    version: semver::Version,
    superseded: Mutex<Option<String>>,
    /// Each answer with a challenge needs one permit.
    answers: Semaphore,
    /// How many of those were requested.
    probes: AtomicUsize,
}

impl ServedTenure for FakeTenure {
    async fn health(&self, challenge: Option<&Challenge>, dialled: SocketAddr) -> Result<Health, Superseded> {
        if challenge.is_some() {
            self.probes.fetch_add(1, Ordering::Relaxed);
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

struct TestServer {
    address: SocketAddr,
    tenure: Arc<FakeTenure>,
    control: Arc<ControlState<FakeTenure>>,
    stop: Stop,
    handover: HandoverSignal,
    http: HttpServer,
}

impl TestServer {
    fn start(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let tenure = Arc::new(FakeTenure {
            version: semver::Version::new(1, 2, 3),
            superseded: Mutex::default(),
            answers: Semaphore::new(1000),
            probes: AtomicUsize::new(0),
        });
        let (stop, handover) = (Stop::new(), HandoverSignal::default());
        let control = Arc::new(ControlState::new(tenure.clone(), stop.clone(), handover.clone()));
        let handler = RequestHandler::new(control.clone(), axum::Router::new(), address, limits);
        let http = HttpServer::start(listener, Vec::new(), handler, limits).unwrap();
        Self { address, tenure, control, stop, handover, http }
    }

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
