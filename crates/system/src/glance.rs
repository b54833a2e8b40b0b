//! A probe without an event loop, for the one question that every session begins with. It knows no more of HTTP than our own worker's answer to it:
//! whatever looks different is nothing to it, and is asked again in the ordinary way.
//!
//! An event loop and a client cost a process more than all the rest of its question (docs/performance.md).

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::network::SystemNetwork;
use oneworker_protocol::machine::{BoundPort, Machine, Network, PortOwner, ProbeAnswer};
use oneworker_protocol::proof::{Challenge, Health};
use oneworker_protocol::{HandOver, HandOverReply};

/// The longest answer that is read, in bytes; ours has less than half of it.
const LONGEST: usize = 2048;

/// This machine without a history, with probes that block for at most `patience`. Whatever is done on it up to a probe is done at the first poll.
pub fn glancing(patience: Duration) -> Machine {
    Machine { network: Arc::new(Glance { patience, network: SystemNetwork }), ..super::machine() }
}

struct Glance {
    patience: Duration,
    network: SystemNetwork,
}

#[async_trait]
impl Network for Glance {
    async fn probe(&self, address: SocketAddr, challenge: &Challenge) -> ProbeAnswer {
        match ask(address, challenge, self.patience) {
            Ok(Some(health)) => ProbeAnswer::Health(Box::new(health)),
            Ok(None) => ProbeAnswer::Alien { what: "its answer is not what it should be".to_owned() },
            Err(error) => ProbeAnswer::Broken(error),
        }
    }

    async fn request_stop(&self, address: SocketAddr, token: &str, why: &str) -> io::Result<()> {
        self.network.request_stop(address, token, why).await
    }

    async fn request_hand_over(
        &self,
        address: SocketAddr,
        token: &str,
        request: &HandOver,
    ) -> io::Result<HandOverReply> {
        self.network.request_hand_over(address, token, request).await
    }

    async fn bind(&self, address: SocketAddr) -> io::Result<BoundPort> {
        self.network.bind(address).await
    }

    async fn owner(&self, port: u16) -> Option<PortOwner> {
        self.network.owner(port).await
    }
}

/// Asks, and reads no more than the answer. `None` for what is no health answer of ours.
fn ask(address: SocketAddr, challenge: &Challenge, patience: Duration) -> io::Result<Option<Health>> {
    let until = Instant::now() + patience;
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    let challenge = challenge.as_str();
    // In one segment, so that nothing is held back.
    stream.write_all(
        format!("GET /health?challenge={challenge} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes(),
    )?;
    let (mut answer, mut length) = ([0; LONGEST], 0);
    while length < LONGEST {
        let left = until.saturating_duration_since(Instant::now());
        // Zero would be no limit at all.
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.read(&mut answer[length..])? {
            0 => break,
            read => length += read,
        }
        match body_of(&answer[..length]) {
            Body::Whole(body) => return Ok(serde_json::from_slice(body).ok()),
            Body::Other => break,
            Body::Partial if left.is_zero() => return Err(io::ErrorKind::TimedOut.into()),
            Body::Partial => {}
        }
    }
    Ok(None)
}

/// The body of an answer.
#[derive(Debug, PartialEq, Eq)]
enum Body<'a> {
    Whole(&'a [u8]),
    /// More has to come.
    Partial,
    /// It is no answer of ours.
    Other,
}

fn body_of(answer: &[u8]) -> Body<'_> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut headers);
    let body = match response.parse(answer) {
        Ok(httparse::Status::Complete(head)) => &answer[head..],
        Ok(httparse::Status::Partial) => return Body::Partial,
        Err(_) => return Body::Other,
    };
    let mut lengths =
        response.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = match (response.code, lengths.next(), lengths.next()) {
        (Some(200), Some(header), None) => {
            std::str::from_utf8(header.value).ok().and_then(|text| text.parse().ok())
        }
        _ => None,
    };
    match length {
        Some(length) if body.len() == length => Body::Whole(body),
        Some(length) if body.len() < length && length < LONGEST => Body::Partial,
        _ => Body::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(300);

    #[test]
    fn only_whole_answers_with_a_length_and_status_200_have_a_body() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(body_of(whole), Body::Whole(b"{}"));
        for length in 0..whole.len() {
            assert_eq!(body_of(&whole[..length]), Body::Partial, "{length}");
        }
        for other in [
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "GET /health?challenge=0 HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(body_of(other.as_bytes()), Body::Other, "{other}");
        }
    }

    /// Asks somebody who says this and then waits.
    fn asked(says: &'static [u8], patience: Duration) -> io::Result<Option<Health>> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(says).unwrap();
            // To the end of whoever asks.
            let _ = io::copy(&mut stream, &mut io::sink());
        });
        let challenge = Challenge::fresh(&*crate::machine().random).unwrap();
        let answer = ask(address, &challenge, patience);
        peer.join().unwrap();
        answer
    }

    #[test]
    fn who_says_nothing_or_too_little_is_not_waited_for_and_who_says_too_much_is_not_listened_to() {
        for little in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"] {
            let error = asked(little, Duration::from_millis(30)).unwrap_err();
            assert!(matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock), "{error:?}");
        }
        assert_eq!(asked(&[b'H'; 100_000], PATIENCE).unwrap(), None);
        assert_eq!(asked(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", PATIENCE).unwrap(), None);
    }
}
