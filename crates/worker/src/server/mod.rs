//! HTTP on loopback, every part of it bounded.
//!
//! Any program of the machine, and any web page in its browser, can talk to a loopback port. So what a client can make the worker hold has
//! a limit ([`crate::Limits`]): connections, bytes of a head and of a body, and the time for each of them. And who may ask what is decided
//! at the `gate`, before a route sees the request. Connections are cheap to open, so that a full house would be an easy way to make a
//! worker look dead to its sessions: the connection that was quiet for longest makes room for a new one, see `admission`.
//!
//! `accept` → `connection` → `front` (gate, time limit) → `routes`, `data`.

mod accept;
mod admission;
mod body;
mod connection;
mod data;
mod front;
mod gate;
mod idle;
mod patience;
mod refusal;
mod routes;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coordinator::proof::{Challenge, Health};
use coordinator::{Epoch, HandOver, HandOverRefused, ProtocolRange, Superseded, Tenure};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use data::check_observations;
pub(crate) use data::{Data, routes as data_routes};
pub(crate) use front::Front;
pub(crate) use idle::Idle;
pub(crate) use routes::Desk;

use crate::options::Limits;

/// The office that the server answers for: what it needs of a [`Tenure`].
pub(crate) trait Office: Send + Sync + 'static {
    /// The answer to a probe, after a self-check.
    fn answer(
        &self,
        challenge: Option<&Challenge>,
        dialled: SocketAddr,
    ) -> impl Future<Output = Result<Health, Superseded>> + Send;
    /// Keeps office for a successor from now on.
    fn hand_over_to(&self, request: &HandOver) -> impl Future<Output = Result<(), HandOverRefused>> + Send;
    /// The bearer of those who may command.
    fn token(&self) -> &str;
    fn epoch(&self) -> Epoch;
    fn version(&self) -> &semver::Version;
    fn protocol(&self) -> ProtocolRange;
}

impl Office for Tenure {
    async fn answer(&self, challenge: Option<&Challenge>, dialled: SocketAddr) -> Result<Health, Superseded> {
        Tenure::answer(self, challenge, dialled).await
    }
    async fn hand_over_to(&self, request: &HandOver) -> Result<(), HandOverRefused> {
        Tenure::hand_over_to(self, request).await
    }
    fn token(&self) -> &str {
        Tenure::token(self)
    }
    fn epoch(&self) -> Epoch {
        Tenure::epoch(self)
    }
    fn version(&self) -> &semver::Version {
        self.spec().version()
    }
    fn protocol(&self) -> ProtocolRange {
        self.spec().protocol()
    }
}

/// A server that accepts. Dropping it closes everything at once.
#[derive(Debug)]
pub(crate) struct Server {
    listener: Option<Arc<tokio::net::TcpListener>>,
    closing: watch::Sender<Closing>,
    accepting: JoinHandle<JoinSet<Option<Idle>>>,
    busy: Arc<AtomicUsize>,
}

/// What becomes of the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    /// They go on.
    Not,
    /// They close, as soon as their request has ended.
    Close,
    /// Those that are between two requests are given back, and the others close.
    PassOn,
}

/// How the connections ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drained {
    /// So many ended by themselves.
    pub(crate) ended: usize,
    /// So many were cut off.
    pub(crate) cut: usize,
}

impl Server {
    /// Begins to serve connections that another server has passed on, and to accept more.
    pub(crate) fn start<O: Office>(
        listener: TcpListener,
        inherited: Vec<Idle>,
        front: Front<O>,
        limits: Limits,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = Arc::new(tokio::net::TcpListener::from_std(listener)?);
        let closing = watch::Sender::new(Closing::Not);
        let busy = front.busy.clone();
        let accepting = tokio::spawn(accept::accept(
            listener.clone(),
            inherited,
            Arc::new(front),
            limits,
            closing.subscribe(),
        ));
        Ok(Self { listener: Some(listener), closing, accepting, busy })
    }

    /// Whether no request is being answered right now.
    pub(crate) fn is_quiet(&self) -> bool {
        self.busy.load(Ordering::Relaxed) == 0
    }

    /// The listening socket.
    #[cfg(unix)]
    pub(crate) fn socket(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.listener.as_ref().map(std::os::fd::AsFd::as_fd)
    }

    /// Stops accepting at once, lets running requests end for at most `limit` or until `hurried`, then cuts them off.
    pub(crate) async fn drain(self, limit: Duration, hurried: impl Future<Output = ()>) -> Drained {
        self.end(Closing::Close, limit, hurried).await.0
    }

    /// The same, but for the connections that are between two requests: they are given back as they are. What comes in meanwhile waits in the kernel,
    /// if somebody else has the listening socket too.
    pub(crate) async fn pass_on(
        self,
        limit: Duration,
        hurried: impl Future<Output = ()>,
    ) -> (Drained, Vec<Idle>) {
        self.end(Closing::PassOn, limit, hurried).await
    }

    async fn end(
        mut self,
        how: Closing,
        limit: Duration,
        hurried: impl Future<Output = ()>,
    ) -> (Drained, Vec<Idle>) {
        self.listener = None;
        self.closing.send_replace(how);
        let mut connections = (&mut self.accepting).await.unwrap_or_default();
        let (mut drained, mut given_back) = (Drained { ended: 0, cut: 0 }, Vec::new());
        let all_ended = async {
            while let Some(ended) = connections.join_next().await {
                match ended {
                    Ok(Some(idle)) => given_back.push(idle),
                    _ => drained.ended += 1,
                }
            }
        };
        tokio::select! {
            () = all_ended => {}
            () = tokio::time::sleep(limit) => {}
            () = hurried => {}
        }
        drained.cut = connections.len();
        connections.shutdown().await;
        (drained, given_back)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[cfg(test)]
mod tests;
