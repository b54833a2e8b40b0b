//! Clients that go on asking while one version after the other takes over: none is refused, none is reset, none gets a wrong answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use oneworker_tests::wait_for;

use crate::identity;

/// However slow the machine is.
const PATIENCE: Duration = Duration::from_secs(30);
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
}

/// What a client has to say.
#[derive(Debug, Default)]
struct Report {
    times: Vec<Duration>,
    wrong: Vec<String>,
}

struct Client {
    address: SocketAddr,
    habit: Habit,
    stream: Option<TcpStream>,
}

impl Client {
    fn start(
        address: SocketAddr,
        habit: Habit,
        over: Arc<AtomicBool>,
        asked: Arc<AtomicU64>,
    ) -> JoinHandle<Report> {
        std::thread::spawn(move || {
            let (mut client, mut report) = (Self { address, habit, stream: None }, Report::default());
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                match client.ask() {
                    Ok(answer)
                        if answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#"{"version":"1.0."#) => {}
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
            report
        })
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
            _ => stream.write_all(request.as_bytes())?,
        }
        let mut answer = String::new();
        let mut piece = [0; 1024];
        while !answer.ends_with("}}") {
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
    let habits = [Habit::Keep, Habit::New, Habit::Keep, Habit::Drip];
    let asked = habits.map(|_| Arc::new(AtomicU64::new(0)));
    let mut clients = Vec::new();
    for (habit, asked) in habits.iter().zip(&asked) {
        clients.push((habit, Client::start(address, *habit, over.clone(), asked.clone())));
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
    for (habit, client) in clients {
        let mut report = client.join().unwrap();
        let count = report.times.len();
        let (half, most) = (percentile(&mut report.times, 0.5), percentile(&mut report.times, 0.99));
        eprintln!(
            "{habit:?}: {count} requests, half within {half:.1?}, 99 % within {most:.1?}, longest {:.1?}",
            report.times[count - 1]
        );
        assert!(report.wrong.is_empty(), "{habit:?}: {} of {count}: {:#?}", report.wrong.len(), report.wrong);
    }
}
