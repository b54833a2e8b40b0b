//! The accept loop.
//!
//! It must survive what the kernel reports through `accept(2)`: connections that died in the queue are passed over, and a used-up file table
//! (`EMFILE`, `ENFILE`) is waited out with growing pauses, since the connection stays in the queue and a plain retry would spin.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::admission::{Admission, House};
use super::connection::converse;
use super::idle::Idle;
use super::{Closing, Front, Office};
use crate::options::Limits;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// So many clients at a time are told why they are turned away; more are just closed.
const TURNED_AWAY: usize = 16;

/// Serves these connections, accepts until `closing`, and returns the connections that are still open.
pub(super) async fn accept<O: Office>(
    listener: Arc<TcpListener>,
    inherited: Vec<Idle>,
    front: Arc<Front<O>>,
    limits: Limits,
    closing: watch::Receiver<Closing>,
) -> JoinSet<Option<Idle>> {
    let mut connections = JoinSet::new();
    let mut house = House::new(limits.connections);
    for idle in inherited {
        admit(idle, &mut connections, &mut house, &front, limits, &closing);
    }
    let mut closed = closing.clone();
    let mut pause = None;
    loop {
        tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed != Closing::Not) => return connections,
            Some(ended) = connections.join_next_with_id(), if !connections.is_empty() => {
                house.leave(match ended {
                    Ok((id, _)) => id,
                    Err(error) => error.id(),
                });
            }
            accepted = next(&listener, pause) => match accepted {
                Ok(stream) => {
                    pause = None;
                    if !is_self_connected(&stream) {
                        admit(stream.into(), &mut connections, &mut house, &front, limits, &closing);
                    }
                }
                Err(error) if died_in_the_queue(&error) => {}
                Err(error) => {
                    if pause.is_none() {
                        tracing::warn!("no connection can be accepted: {error}");
                    }
                    // The descriptor of a quiet connection may be just what is missing.
                    house.make_room();
                    pause = Some(pause.map_or(FIRST_PAUSE, |pause: Duration| (2 * pause).min(LONGEST_PAUSE)));
                }
            },
        }
    }
}

async fn next(listener: &TcpListener, pause: Option<Duration>) -> io::Result<TcpStream> {
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
    Ok(listener.accept().await?.0)
}

fn admit<O: Office>(
    idle: Idle,
    connections: &mut JoinSet<Option<Idle>>,
    house: &mut House,
    front: &Arc<Front<O>>,
    limits: Limits,
    closing: &watch::Receiver<Closing>,
) {
    match house.admission() {
        Admission::Welcome => {
            let line = house.line();
            let talk = converse(idle, front.clone(), line.clone(), limits, closing.clone());
            house.enter(line, connections.spawn(talk));
        }
        Admission::Full => {
            if connections.len() < limits.connections + TURNED_AWAY {
                connections.spawn(async {
                    turn_away(idle.stream).await;
                    None
                });
            }
        }
    }
}

/// Tells a client that there is no room. What it sends is read for a moment: closing a socket with unread bytes resets the
/// connection, and the client would lose the answer.
async fn turn_away(mut stream: TcpStream) {
    const BODY: &str =
        r#"{"error":{"code":"too_many_connections","message":"every connection is busy; try again soon"}}"#;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let polite = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut unread = [0; 1024];
        for _ in 0..16 {
            if stream.read(&mut unread).await? == 0 {
                break;
            }
        }
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(Duration::from_millis(500), polite).await;
}

/// TCP can connect a client's socket to itself if its own ephemeral port is the one it dials; nothing of that kind is served.
fn is_self_connected(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(here), Ok(there)) if here == there)
}

fn died_in_the_queue(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
