//! The accept loop.
//!
//! It must survive what the kernel reports through `accept(2)`. Connections that died in the queue
//! are skipped. A full file table (`EMFILE`, `ENFILE`) is waited out with growing pauses: the
//! connection stays in the queue, so a plain retry would spin.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::closing::Closing;
use super::connection::serve_connection;
use super::connection_table::{Admission, ConnectionTable};
use super::handler::RequestHandler;
use super::idle_connection::IdleConnection;
use super::served_tenure::ServedTenure;
use crate::options::Limits;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How many clients at a time are told why they are turned away. More are just closed.
const TURNED_AWAY: usize = 16;

/// Accepts connections, and holds those that are open.
pub(super) struct Acceptor<T> {
    handler: Arc<RequestHandler<T>>,
    limits: Limits,
    closing: watch::Receiver<Closing>,
    table: ConnectionTable,
    connections: JoinSet<Option<IdleConnection>>,
}

impl<T: ServedTenure> Acceptor<T> {
    pub(super) fn new(handler: RequestHandler<T>, limits: Limits, closing: watch::Receiver<Closing>) -> Self {
        let table = ConnectionTable::new(limits.connections);
        Self { handler: Arc::new(handler), limits, closing, table, connections: JoinSet::new() }
    }

    /// Serves the inherited connections, and accepts more until the server is closing. Returns the
    /// connections that are still open.
    pub(super) async fn run(
        mut self,
        listener: Arc<TcpListener>,
        inherited: Vec<IdleConnection>,
    ) -> JoinSet<Option<IdleConnection>> {
        for connection in inherited {
            self.admit(connection);
        }
        let mut closing = self.closing.clone();
        let mut pause = None;
        loop {
            tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing != Closing::Not) => return self.connections,
                Some(ended) = self.connections.join_next_with_id(), if !self.connections.is_empty() => {
                    self.table.remove(match ended {
                        Ok((id, _)) => id,
                        Err(error) => error.id(),
                    });
                }
                accepted = accept(&listener, pause) => match accepted {
                    Ok(stream) => {
                        pause = None;
                        if !is_self_connected(&stream) {
                            self.admit(stream.into());
                        }
                    }
                    Err(error) if died_in_the_queue(&error) => {}
                    Err(error) => {
                        if pause.is_none() {
                            tracing::warn!("no connection can be accepted: {error}");
                        }
                        // The descriptor of a quiet connection may be the one that is missing.
                        self.table.make_room();
                        pause = Some(pause.map_or(FIRST_PAUSE, |pause: Duration| {
                            (2 * pause).min(LONGEST_PAUSE)
                        }));
                    }
                },
            }
        }
    }

    fn admit(&mut self, connection: IdleConnection) {
        match self.table.admission() {
            Admission::Admitted => {
                let activity = self.table.new_activity();
                let served = serve_connection(
                    connection,
                    self.handler.clone(),
                    activity.clone(),
                    self.limits,
                    self.closing.clone(),
                );
                self.table.insert(activity, self.connections.spawn(served));
            }
            Admission::Full => {
                if self.connections.len() < self.limits.connections + TURNED_AWAY {
                    self.connections.spawn(async {
                        turn_away(connection.stream).await;
                        None
                    });
                }
            }
        }
    }
}

async fn accept(listener: &TcpListener, pause: Option<Duration>) -> io::Result<TcpStream> {
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
    Ok(listener.accept().await?.0)
}

/// Tells a client that there is no room. Reads what the client sends for a moment: closing a socket
/// with unread bytes resets the connection, and the client would lose the response.
async fn turn_away(mut stream: TcpStream) {
    const BODY: &str =
        r#"{"error":{"code":"too_many_connections","message":"every connection is busy; try again soon"}}"#;
    let response = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{BODY}",
        BODY.len()
    );
    let polite = async {
        stream.write_all(response.as_bytes()).await?;
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

/// Returns whether a client's socket is connected to itself. TCP allows that if the client's own
/// ephemeral port is the one that it dials. Such a connection is not served.
fn is_self_connected(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(here), Ok(there)) if here == there)
}

fn died_in_the_queue(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
