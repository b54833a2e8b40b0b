//! Feeds of what is said over a connection, and of the secret that is said there.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use coordinator::machine::{BoundPort, Machine, Network, PortOwner, ProbeAnswer};
use coordinator::proof::{Challenge, ProofKey};
use coordinator::{HandOver, HandOverReply, StopRequest, layout, request_stop, system};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use super::event_loop::wait;
use super::office::{PATIENCE, TOKEN, in_office};
use super::seeds::KEY;

/// What a client says to the worker: whatever it is, the worker answers in HTTP or not at all, and goes on serving unless it was told
/// to stop by somebody who knows the bearer.
pub(super) fn request(bytes: &[u8]) {
    in_office(
        async |office| {
            let answer = office.ask(bytes).await;
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", answer.escape_ascii());
        },
        |()| contains(bytes, TOKEN.as_bytes()),
    );
}

/// The `Authorization` of a request that changes state: nobody passes the gate who does not say the bearer.
pub(super) fn bearer(bytes: &[u8]) {
    in_office(
        async |office| {
            let head = b"POST /nowhere HTTP/1.0\r\nhost: localhost\r\nauthorization: ";
            let answer = office.ask(&[head, bytes, b"\r\n\r\n"].concat()).await;
            let status = answer.strip_prefix(b"HTTP/1.0 ").map_or(&b""[..], |rest| &rest[..3]);
            // No HTTP, a head that is too long, the gate's three refusals.
            let refused = matches!(status, b"" | b"400" | b"431" | b"401" | b"403" | b"421");
            assert!(refused || contains(bytes, TOKEN.as_bytes()), "{}", answer.escape_ascii());
            let exactly = bytes == format!("Bearer {TOKEN}").as_bytes();
            assert!(!exactly || status == b"404", "the bearer is refused: {}", answer.escape_ascii());
        },
        |()| contains(bytes, TOKEN.as_bytes()),
    );
}

/// `token`, as a session finds it that asks a worker to stop: the worker obeys if it is the bearer, and else nothing has happened.
pub(super) fn token(bytes: &[u8]) {
    in_office(
        async |office| {
            let (heard, mut agreed) = mpsc::unbounded_channel();
            // The token is read first; the probe after it makes the worker put the file right.
            fs::write(office.file(layout::TOKEN), bytes).expect("a file");
            let overheard = Overheard { real: office.machine().network.clone(), heard };
            let machine = Machine { network: Arc::new(overheard), ..office.machine().clone() };
            let mut stop = StopRequest::new("fed");
            stop.deadline = PATIENCE;
            // A session that was refused waits for the worker to leave all the same: that is not waited for here.
            let agreed = tokio::select! {
                Some(agreed) = agreed.recv() => agreed,
                stopped = request_stop(&machine, office.id(), &stop) => {
                    agreed.try_recv().unwrap_or_else(|_| panic!("the worker was not asked: {stopped:?}"))
                }
            };
            let is_bearer = std::str::from_utf8(bytes).is_ok_and(|text| text.trim() == TOKEN);
            // More than a kilobyte is not read.
            assert!(
                agreed == is_bearer || is_bearer && bytes.len() > 1024,
                "a wrong token was as good as the right one"
            );
            agreed
        },
        |agreed| *agreed,
    );
}

/// A network that tells whether the worker agreed to stop.
struct Overheard {
    real: Arc<dyn Network>,
    heard: mpsc::UnboundedSender<bool>,
}

#[async_trait]
impl Network for Overheard {
    async fn probe(&self, address: SocketAddr, challenge: &Challenge) -> ProbeAnswer {
        self.real.probe(address, challenge).await
    }

    async fn request_stop(&self, address: SocketAddr, token: &str, why: &str) -> io::Result<()> {
        let answer = self.real.request_stop(address, token, why).await;
        self.heard.send(answer.is_ok()).expect("a listener");
        answer
    }

    async fn request_hand_over(
        &self,
        address: SocketAddr,
        token: &str,
        request: &HandOver,
    ) -> io::Result<HandOverReply> {
        self.real.request_hand_over(address, token, request).await
    }

    async fn bind(&self, address: SocketAddr) -> io::Result<BoundPort> {
        self.real.bind(address).await
    }

    async fn owner(&self, port: u16) -> Option<PortOwner> {
        self.real.owner(port).await
    }
}

/// What answers a probe: whatever it is, it is no proof, and it does not look as if this side had a fault. The first byte says how the
/// rest arrives: in pieces of which size, and whether over and over.
pub(super) fn answer(bytes: &[u8]) {
    let Some((how, said)) = bytes.split_first() else { return };
    let heard = wait(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let machine = system::machine();
        let challenge = Challenge::fresh(&*machine.random).expect("random bytes");
        let probe = async {
            let answer = machine.network.probe(address, &challenge).await;
            if let ProbeAnswer::Health(health) = &answer {
                let key: ProofKey = serde_json::from_slice(KEY).expect("a key");
                assert!(!key.verifies(health, &challenge), "a proof for a challenge that nobody has seen");
            }
            answer
        };
        let mut connections = JoinSet::new();
        let somebody = async {
            loop {
                // Not only the probe's: a session of another program may still ask for the worker that had this port before.
                let (stream, _) = listener.accept().await.expect("a connection");
                // A client that has heard enough hangs up.
                connections.spawn(say(stream, *how, said.to_vec()));
            }
        };
        let conversation = async {
            tokio::select! {
                answer = probe => answer,
                () = somebody => unreachable!("it accepts for ever"),
            }
        };
        let heard = timeout(PATIENCE, conversation).await;
        heard.unwrap_or_else(|_| panic!("no end of the probe, with {} connections", connections.len()))
    });
    assert!(!matches!(heard, ProbeAnswer::Refused | ProbeAnswer::NotPermitted(_)), "{heard:?}");
}

/// Hears the question, and says this in pieces of `how & 0x7f` bytes; and where the highest bit is set over and over, to half a
/// megabyte.
async fn say(mut stream: TcpStream, how: u8, said: Vec<u8>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let _ = stream.read(&mut [0; 4096]).await?;
    // Small ones only for a while: each is a system call.
    let size = usize::from(how & 0x7f).max(1).max(said.len() / 256);
    for piece in said.chunks(size) {
        stream.write_all(piece).await?;
        // The other side reads it before the next.
        yield_now().await;
    }
    if how & 0x80 != 0 && !said.is_empty() {
        let many = said.repeat(4096 / said.len() + 1);
        for _ in 0..(1 << 19) / many.len() {
            stream.write_all(&many).await?;
        }
    }
    stream.shutdown().await
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
