//! What answers a probe, over a real connection.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coordinator::record::{self, Record};
use coordinator::{WorkerId, inspect, layout, system};
use oneworker_tests::hostile::{Bounds, Target, bounded, http_answers};
use oneworker_tests::{Squatter, free_port};
use proptest::prelude::*;

use super::mutation::{hostile, mutated};
use crate::{cases, event_loop};

/// A look asks at most three times, each time for [`PATIENCE`].
const BOUNDS: Bounds = Bounds { memory: 2 << 20, sqlite: None, time: Duration::from_secs(6) };
const PATIENCE: Duration = Duration::from_millis(300);

/// How a connection is answered, whatever was asked.
#[derive(Clone, Debug)]
enum Answer {
    /// With these bytes, and closed.
    Bytes(Vec<u8>),
    /// With these bytes, and left open.
    Unfinished(Vec<u8>),
    /// With the first, and the second over and over.
    Endless(Vec<u8>, Vec<u8>),
    /// With these bytes, one at a time.
    Drip(Vec<u8>),
    /// Without waiting for the question, and closed.
    Hasty(Vec<u8>),
}

impl Answer {
    fn give(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        if !matches!(self, Self::Hasty(_)) {
            let mut question = [0; 4096];
            let _ = stream.read(&mut question)?;
        }
        match self {
            Self::Bytes(bytes) | Self::Hasty(bytes) => stream.write_all(bytes),
            Self::Unfinished(bytes) => {
                stream.write_all(bytes)?;
                io::copy(&mut stream, &mut io::sink()).map(drop)
            }
            Self::Endless(bytes, more) => {
                stream.write_all(bytes)?;
                loop {
                    stream.write_all(more)?;
                }
            }
            Self::Drip(bytes) => {
                for byte in bytes.iter().cycle() {
                    stream.write_all(&[*byte])?;
                    std::thread::sleep(Duration::from_millis(3));
                }
                Ok(())
            }
        }
    }
}

fn http(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\n").as_bytes(), b"\r\n", body].concat()
}

fn answers() -> impl Strategy<Value = Answer> {
    let bytes = || hostile(http_answers());
    // What can go on for ever, and how it begins.
    let endless = prop::sample::select(vec![
        (http("200 OK", b""), b"{".repeat(4096)),
        (http("200 OK", b"{\"a\":"), b"[".repeat(4096)),
        (http("200 OK\r\ncontent-length: 18446744073709551615", b""), b" ".repeat(4096)),
        (http("200 OK\r\ntransfer-encoding: chunked", b""), b"1\r\n \r\n".repeat(500)),
        (http("200 OK\r\ntransfer-encoding: chunked", b"1"), b";extension".repeat(500)),
        (http("200 OK\r\ntransfer-encoding: chunked", b"0\r\n"), b"trailer: x\r\n".repeat(500)),
        (http("200 OK\r\ntransfer-encoding: chunked", b"FFFFFFFFFFFFFFFF\r\n"), b"x".repeat(4096)),
        (b"HTTP/1.1 200 OK\r\n".to_vec(), b"x-more: header\r\n".repeat(300)),
        (b"HTTP/1.1 200 OK\r\nx-long: ".to_vec(), b"x".repeat(4096)),
        (b"HTTP/1.1 200 ".to_vec(), b"O".repeat(4096)),
        (Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".repeat(200)),
        (Vec::new(), b"\r\n".repeat(2000)),
        (Vec::new(), b"\0".repeat(4096)),
    ]);
    prop_oneof![
        8 => bytes().prop_map(Answer::Bytes),
        1 => bytes().prop_map(Answer::Hasty),
        1 => bytes().prop_map(Answer::Unfinished),
        2 => endless.prop_map(|(first, more)| Answer::Endless(first, more)),
        1 => (bytes(), prop::collection::vec(any::<u8>(), 1..50))
            .prop_map(|(first, more)| Answer::Endless(first, more)),
        1 => mutated(http_answers())
            .prop_filter("something to say", |bytes| !bytes.is_empty())
            .prop_map(Answer::Drip),
    ]
}

#[test]
fn no_answer_over_a_connection_is_taken_for_a_worker_or_waited_for_beyond_patience() {
    let dir = tempfile::tempdir().unwrap();
    let now = Arc::new(Mutex::new(Answer::Bytes(Vec::new())));
    let squatter = Squatter::on(free_port(), {
        let now = now.clone();
        move |stream| {
            let answer = now.lock().unwrap().clone();
            answer.give(stream)
        }
    });
    let mut record: Record = record::parse(&(Target::named("record").seeds)()[0]).unwrap();
    record.address = Some(([127, 0, 0, 1], squatter.port()).into());
    fs::write(dir.path().join(layout::RECORD), record::render(&record)).unwrap();
    fs::write(dir.path().join(layout::PROOF_KEY), &(Target::named("proof_key").seeds)()[0]).unwrap();
    let id = WorkerId::builder().state_dir(dir.path()).port("auto").build().unwrap();
    let machine = system::machine();
    let look = || event_loop().block_on(inspect(&machine, &id, 2 * PATIENCE)).unwrap();
    // What is made once and kept is made now.
    look();
    proptest!(cases(96), |(answer in answers())| {
        *now.lock().unwrap() = answer.clone();
        let sight = bounded(&answer, BOUNDS, look);
        prop_assert!(sight.health.is_none(), "it was believed");
    });
}
