//! Clients that go on asking while one version after the other takes over: none is refused, none is reset, none gets a wrong answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use oneworker_tests::{Identity, PATIENCE, Running, wait_for};

use crate::identity;

/// Between two requests of one client.
const PAUSE: Duration = Duration::from_millis(15);

/// How a client uses its connections.
#[derive(Clone, Copy, Debug)]
enum Habit {
    /// One for all requests, as long as the worker keeps it.
    Keep,
    /// One for each request.
    New,
    /// As the first, with requests that come in pieces.
    Drip,
    /// As the first, with a long body of observations that it writes one by one.
    Stream,
}

/// So many observations in one stream, and what lies between two of them.
const STREAM: (u64, Duration) = (20, Duration::from_millis(20));

/// What a client has to say.
#[derive(Debug, Default)]
struct Report {
    times: Vec<Duration>,
    wrong: Vec<String>,
    kept: u64,
}

struct Client {
    address: SocketAddr,
    habit: Habit,
    stream: Option<TcpStream>,
    /// Of the worker in office.
    token: PathBuf,
    /// Observations that were acknowledged.
    kept: u64,
}

impl Client {
    fn start(
        address: SocketAddr,
        habit: Habit,
        token: PathBuf,
        over: Arc<AtomicBool>,
        asked: Arc<AtomicU64>,
    ) -> JoinHandle<Report> {
        std::thread::spawn(move || {
            let mut client = Self { address, habit, stream: None, token, kept: 0 };
            let mut report = Report::default();
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                match client.ask() {
                    Ok(answer) if client.is_right(&answer) => {}
                    Ok(answer) => report.wrong.push(answer),
                    Err(error) => {
                        client.stream = None;
                        report.wrong.push(format!("{error:?}"));
                    }
                }
                report.times.push(begun.elapsed());
                asked.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(PAUSE);
            }
            report.kept = client.kept;
            report
        })
    }

    fn is_right(&mut self, answer: &str) -> bool {
        match self.habit {
            Habit::Stream if answer.contains(&format!("{{\"new\":{},", STREAM.0)) => {
                self.kept += STREAM.0;
                answer.starts_with("HTTP/1.1 200 ")
            }
            // The bearer is the tenure's: it is read again.
            Habit::Stream => answer.starts_with("HTTP/1.1 401 "),
            _ => answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#"{"version":"1.0."#),
        }
    }

    /// A stream of observations, each with a key of its own, while time passes.
    fn write_stream(&self, stream: &mut TcpStream) -> io::Result<()> {
        // Between two workers there is none.
        let token = wait_for("a bearer", || std::fs::read_to_string(&self.token).ok());
        write!(
            stream,
            "POST /observations HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\ntransfer-encoding: chunked\r\n\r\n",
            self.address
        )?;
        for n in self.kept..self.kept + STREAM.0 {
            let line = format!("{{\"session\":\"s\",\"kind\":\"k\",\"text\":\"{n}\",\"key\":\"{n}\"}}\n");
            // One that is refused is not written to its end.
            let written = write!(stream, "{:x}\r\n{line}\r\n", line.len());
            if written.is_err() {
                return Ok(());
            }
            std::thread::sleep(STREAM.1);
        }
        stream.write_all(b"0\r\n\r\n").or(Ok(()))
    }

    fn ask(&mut self) -> io::Result<String> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect(self.address)?,
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        let close = if matches!(self.habit, Habit::New) { "connection: close\r\n" } else { "" };
        let request = format!("GET /version HTTP/1.1\r\nhost: {}\r\n{close}\r\n", self.address);
        match self.habit {
            Habit::Drip => {
                for piece in request.as_bytes().chunks(12) {
                    stream.write_all(piece)?;
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            Habit::Stream => self.write_stream(&mut stream)?,
            Habit::Keep | Habit::New => stream.write_all(request.as_bytes())?,
        }
        let mut answer = String::new();
        let mut piece = [0; 1024];
        while !["}}", "]}"].iter().any(|end| answer.ends_with(end)) {
            match stream.read(&mut piece)? {
                0 => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        format!("closed after {answer:?}"),
                    ));
                }
                length => answer.push_str(&String::from_utf8_lossy(&piece[..length])),
            }
        }
        if !answer.to_ascii_lowercase().contains("connection: close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    times.get(((times.len() as f64 - 1.0) * share) as usize).copied().unwrap_or_default()
}

/// `HANDOVERS` in a row; without it five.
#[test]
fn clients_do_not_notice_one_hand_over_after_the_other() {
    let hand_overs: u64 = std::env::var("HANDOVERS").map_or(5, |count| count.parse().unwrap());
    let identity = identity().env("ONEWORKER_UPGRADE_PER_HOUR", "100000");
    let first = identity.newest_of(&identity.install("1.0.0")).success();
    let address: SocketAddr = first.url.trim_start_matches("http://").parse().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let habits = [Habit::Keep, Habit::New, Habit::Keep, Habit::Drip, Habit::Stream];
    let asked = habits.map(|_| Arc::new(AtomicU64::new(0)));
    let mut clients = Vec::new();
    for (habit, asked) in habits.iter().zip(&asked) {
        let token = identity.file("token");
        clients.push((habit, Client::start(address, *habit, token, over.clone(), asked.clone())));
    }
    let counts = || asked.each_ref().map(|asked| asked.load(Ordering::Relaxed));
    for n in 1..=hand_overs {
        let install = identity.install(&format!("1.0.{n}"));
        let answer = identity.newest_of(&install).success();
        assert_eq!((answer.epoch, answer.outcome.as_str()), (n + 1, "replaced"), "{answer:?}");
        assert_eq!(answer.url, first.url);
        std::fs::remove_file(&install).unwrap();
        let before = counts();
        wait_for("each client to have asked again", || {
            counts().iter().zip(&before).all(|(now, before)| *now >= before + 2).then_some(())
        });
    }
    over.store(true, Ordering::Relaxed);
    let mut kept = 0;
    for (habit, client) in clients {
        let mut report = client.join().unwrap();
        let count = report.times.len();
        let (half, most) = (percentile(&mut report.times, 0.5), percentile(&mut report.times, 0.99));
        eprintln!(
            "{habit:?}: {count} requests, half within {half:.1?}, 99 % within {most:.1?}, longest {:.1?}",
            report.times[count - 1]
        );
        assert!(report.wrong.is_empty(), "{habit:?}: {} of {count}: {:#?}", report.wrong.len(), report.wrong);
        kept += report.kept;
    }
    let database = rusqlite::Connection::open(identity.file("worker.db")).unwrap();
    let there: u64 = database.query_row("SELECT count(*) FROM observations", [], |row| row.get(0)).unwrap();
    assert!(kept > 0);
    assert_eq!(there, kept, "something was lost, or doubled");
}

/// A request that takes long is in progress, and a newer version has been promised office.
fn in_the_midst_of_a_request(then: impl Fn(&Identity, SocketAddr, Running) -> Option<Running>) {
    // A worker gives a request ten seconds. On a loaded machine that may be too little for all of this: then it shows nothing.
    let shown = (0..10).any(|_| is_shown_in_the_midst_of_a_request(&then));
    assert!(shown, "no request lasted for as long as this test needs");
}

/// Whether the request had its time to the end.
fn is_shown_in_the_midst_of_a_request(
    then: impl Fn(&Identity, SocketAddr, Running) -> Option<Running>,
) -> bool {
    let identity = identity();
    let [old, new] = ["1.0.0", "1.0.1"].map(|version| identity.install(version));
    let first = identity.newest_of(&old).env("ONEWORKER_DRAIN", "60s").success();
    let address: SocketAddr = first.url.trim_start_matches("http://").parse().unwrap();
    let token = std::fs::read_to_string(identity.file("token")).unwrap();
    let mut long = TcpStream::connect(address).unwrap();
    let body = r#"{"session":"s","kind":"k","text":"long"}"#;
    let length = body.len();
    write!(long, "POST /observations HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n{{").unwrap();
    let session = identity.newest_of(&new).start();
    wait_for("office to be promised", || identity.file("successor.json").exists().then_some(()));
    let waiting = then(&identity, address, session);
    // Refused where its time is over.
    let _ = long.write_all(&body.as_bytes()[1..]);
    long.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = [0; 15];
    long.read_exact(&mut answer).unwrap();
    if answer.starts_with(b"HTTP/1.1 408") {
        return false;
    }
    assert_eq!(answer, *b"HTTP/1.1 200 OK");
    if let Some(session) = waiting {
        assert_eq!(session.success().outcome, "replaced");
    }
    true
}

#[test]
fn all_others_are_served_while_a_long_request_keeps_a_worker_from_handing_over() {
    in_the_midst_of_a_request(|_, address, session| {
        let token = std::path::PathBuf::new();
        let mut client = Client { address, habit: Habit::New, stream: None, token, kept: 0 };
        for _ in 0..3 {
            let answer = client.ask().unwrap();
            assert!(answer.contains(r#"{"version":"1.0.0""#), "{answer}");
        }
        Some(session)
    });
}

#[test]
fn a_worker_whose_successor_dies_while_it_waits_for_a_long_request_stays_in_office() {
    in_the_midst_of_a_request(|identity, _, session| {
        let kept = std::fs::read(identity.file("successor.json")).unwrap();
        let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
        oneworker_tests::kill_and_wait(u32::try_from(kept["pid"].as_u64().unwrap()).unwrap());
        let answer = session.success();
        assert_eq!((answer.epoch, answer.outcome.as_str()), (1, "waited"), "{answer:?}");
        assert!(answer.warnings[0].contains("its successor failed"), "{answer:?}");
        wait_for("office to be kept for nobody", || {
            (!identity.file("successor.json").exists()).then_some(())
        });
        None
    });
}
