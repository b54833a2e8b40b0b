use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};

use async_trait::async_trait;

use super::Pid;
use super::handover::{HandOver, HandOverReply};
use crate::proof::{Challenge, Health};

/// What a probe brought back. The proof in an answer is *not* yet checked.
#[derive(Debug)]
pub enum ProbeAnswer {
    /// Something answered in our protocol.
    Health(Box<Health>),
    /// Something answered, but not in our protocol.
    Alien {
        /// What was wrong with the answer.
        what: String,
    },
    /// A worker of ours answered that it has lost its office and is about to end.
    Superseded,
    /// Nothing listens there.
    Refused,
    /// This process may not make connections (a sandbox), or has not what it takes (descriptors, say): that tells nothing of whoever
    /// listens there.
    NotPermitted(io::Error),
    /// The connection broke or could not be made for another reason.
    Broken(io::Error),
}

/// Who has a port, as far as can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortOwner {
    /// The process.
    pub pid: Pid,
    /// Its program.
    pub program: String,
}

/// A port that was bound.
pub struct BoundPort {
    /// The address, with the real port.
    pub address: SocketAddr,
    /// The listening socket; `None` on a simulated machine.
    pub listener: Option<TcpListener>,
}

impl fmt::Debug for BoundPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoundPort({})", self.address)
    }
}

/// Ports and probes.
#[async_trait]
pub trait Network: Send + Sync {
    /// Asks whoever listens at `address` how it is, with a challenge. No time limit of its own, never through a proxy.
    async fn probe(&self, address: SocketAddr, challenge: &Challenge) -> ProbeAnswer;
    /// Whether this process may have sockets at all.
    ///
    /// # Errors
    /// What the system says when it asks for one.
    async fn permitted(&self) -> io::Result<()> {
        Ok(())
    }
    /// Asks the worker at `address` to stop, with its bearer token. `Ok` if it agreed.
    async fn request_stop(&self, address: SocketAddr, token: &str, why: &str) -> io::Result<()>;
    /// Asks the worker at `address` to hand its office over, with its bearer token. `Ok` if it answered.
    async fn request_hand_over(
        &self,
        address: SocketAddr,
        token: &str,
        request: &HandOver,
    ) -> io::Result<HandOverReply>;
    /// Binds and listens, exclusively: no `SO_REUSEPORT`, and `SO_EXCLUSIVEADDRUSE` on Windows.
    async fn bind(&self, address: SocketAddr) -> io::Result<BoundPort>;
    /// Who listens on this local port.
    async fn owner(&self, port: u16) -> Option<PortOwner>;
}
