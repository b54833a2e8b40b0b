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
mod patience;
mod refusal;
mod routes;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use coordinator::proof::{Challenge, Health};
use coordinator::{Epoch, HandOver, HandOverRefused, ProtocolRange, Superseded, Tenure};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use data::check_observations;
pub(crate) use data::{Data, routes as data_routes};
pub(crate) use front::Front;
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
    closing: watch::Sender<bool>,
    accepting: JoinHandle<JoinSet<()>>,
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
    /// Begins to accept.
    pub(crate) fn start<O: Office>(
        listener: TcpListener,
        front: Front<O>,
        limits: Limits,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let closing = watch::Sender::new(false);
        let accepting = tokio::spawn(accept::accept(listener, Arc::new(front), limits, closing.subscribe()));
        Ok(Self { closing, accepting })
    }

    /// Stops accepting at once, lets running requests end for at most `limit` or until `hurried`, then cuts them off.
    pub(crate) async fn drain(mut self, limit: Duration, hurried: impl Future<Output = ()>) -> Drained {
        self.closing.send_replace(true);
        let mut connections = (&mut self.accepting).await.unwrap_or_default();
        let mut drained = Drained { ended: 0, cut: 0 };
        let all_ended = async {
            while connections.join_next().await.is_some() {
                drained.ended += 1;
            }
        };
        tokio::select! {
            () = all_ended => {}
            () = tokio::time::sleep(limit) => {}
            () = hurried => {}
        }
        drained.cut = connections.len();
        connections.shutdown().await;
        drained
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[cfg(test)]
mod tests;
