//! Ports and probes.

use std::fmt::{self, Write};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;

use async_trait::async_trait;
use coordinator::machine::{BoundPort, Network, PortOwner, ProbeAnswer};
use coordinator::proof::Challenge;
use coordinator::{HandOver, HandOverReply};

use crate::host::Host;
use crate::kernel::ports::{Listener, Question, Reply, Request, Squatter};
use crate::kernel::{CallClass, Show};

pub(super) struct SimulatedNetwork(pub(super) Host);

/// What comes of connecting.
#[derive(Debug)]
enum Connected {
    Nobody,
    /// To a worker: the number of the request.
    Asked(u64),
    Squatter(Squatter),
}

impl Show for Connected {
    fn show(&self, out: &mut dyn Write) -> fmt::Result {
        write!(out, "{self:?}")
    }
}

/// The asker's end of a connection.
struct Connection<'a> {
    host: &'a Host,
    number: u64,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.host.kernel().ports.request(self.number).abandoned = true;
    }
}

impl SimulatedNetwork {
    async fn ask(&self, address: SocketAddr, question: Question) -> io::Result<Connected> {
        self.0
            .try_call(CallClass::Socket, "connect", &address.to_string(), |kernel, key| {
                let number = kernel.new_number(key);
                let mut asker = key;
                let mut port = address.port();
                if let Some(Listener::Squatter { owner, kind: Squatter::Relay }) =
                    kernel.ports.listeners.get(&port)
                    && let Some(worker) = kernel.ports.any_worker()
                {
                    (asker, port) = (*owner, worker);
                }
                let owner = match kernel.ports.listeners.get_mut(&port) {
                    None => return Ok(Connected::Nobody),
                    Some(Listener::Squatter { kind, .. }) => {
                        return Ok(Connected::Squatter(*kind));
                    }
                    Some(Listener::Worker { owner, queue, .. }) => {
                        queue.push_back((number, question.dialled_at(port)));
                        *owner
                    }
                };
                let from = Some((asker, kernel.now));
                kernel
                    .ports
                    .requests
                    .insert(number, Request { server: Some(owner), from, ..Request::default() });
                kernel.knock(owner);
                Ok(Connected::Asked(number))
            })
            .await
    }

    /// The answer to a request; `None` if the connection broke.
    async fn answer(&self, number: u64) -> Option<Reply> {
        let _open = Connection { host: &self.0, number };
        poll_fn(|cx| {
            let mut kernel = self.0.kernel();
            let request = kernel.ports.request(number);
            let reply = request.reply.take();
            if reply.is_none() && !request.broken {
                request.client = Some(cx.waker().clone());
                return Poll::Pending;
            }
            self.0.tell(&mut kernel, "reply", &format!("{reply:?}"));
            Poll::Ready(reply)
        })
        .await
    }
}

#[async_trait]
impl Network for SimulatedNetwork {
    async fn probe(&self, address: SocketAddr, challenge: &Challenge) -> ProbeAnswer {
        let question = Question::Health { challenge: challenge.clone(), dialled: address };
        match self.ask(address, question).await {
            Err(error) => ProbeAnswer::NotPermitted(error),
            Ok(Connected::Nobody) => ProbeAnswer::Refused,
            Ok(Connected::Squatter(Squatter::Mute)) => std::future::pending().await,
            Ok(Connected::Squatter(Squatter::Alien | Squatter::Relay)) => {
                ProbeAnswer::Alien { what: "another program".to_owned() }
            }
            Ok(Connected::Squatter(Squatter::Impostor)) => match self.0.kernel().ports.overheard.clone() {
                Some(health) => ProbeAnswer::Health(health),
                None => ProbeAnswer::Alien { what: "another program".to_owned() },
            },
            Ok(Connected::Asked(number)) => match self.answer(number).await {
                Some(Reply::Health(health)) => ProbeAnswer::Health(health),
                Some(Reply::Superseded) => ProbeAnswer::Superseded,
                Some(_) => ProbeAnswer::Alien { what: "another answer".to_owned() },
                None => ProbeAnswer::Broken(io::ErrorKind::ConnectionReset.into()),
            },
        }
    }

    async fn permitted(&self) -> io::Result<()> {
        self.0.try_call(CallClass::Socket, "socket", "", |_, _| Ok(())).await
    }

    async fn request_stop(&self, address: SocketAddr, token: &str, _why: &str) -> io::Result<()> {
        match self.ask(address, Question::Stop { token: token.to_owned() }).await? {
            Connected::Nobody => Err(io::ErrorKind::ConnectionRefused.into()),
            Connected::Squatter(Squatter::Mute) => std::future::pending().await,
            Connected::Squatter(_) => Err(io::Error::other("another program")),
            Connected::Asked(number) => match self.answer(number).await {
                Some(Reply::Stopping) => Ok(()),
                Some(_) => Err(io::ErrorKind::PermissionDenied.into()),
                None => Err(io::ErrorKind::ConnectionReset.into()),
            },
        }
    }

    async fn request_hand_over(
        &self,
        address: SocketAddr,
        token: &str,
        request: &HandOver,
    ) -> io::Result<HandOverReply> {
        let question = Question::HandOver { token: token.to_owned(), request: request.clone() };
        match self.ask(address, question).await? {
            Connected::Nobody => Err(io::ErrorKind::ConnectionRefused.into()),
            Connected::Squatter(Squatter::Mute) => std::future::pending().await,
            Connected::Squatter(_) => Err(io::Error::other("another program")),
            Connected::Asked(number) => match self.answer(number).await {
                Some(Reply::HandingOver) => Ok(HandOverReply::Agreed),
                Some(Reply::Unknown) => Ok(HandOverReply::Unknown),
                Some(other) => Ok(HandOverReply::Refused(format!("{other:?}"))),
                None => Err(io::ErrorKind::ConnectionReset.into()),
            },
        }
    }

    async fn bind(&self, address: SocketAddr) -> io::Result<BoundPort> {
        let port = self
            .0
            .try_call(CallClass::Socket, "bind", &address.to_string(), |kernel, key| {
                kernel.guarantees.bound(key);
                kernel.ports.listen(address.port(), key)
            })
            .await?;
        Ok(BoundPort { address: SocketAddr::new(address.ip(), port), listener: None })
    }

    async fn owner(&self, port: u16) -> Option<PortOwner> {
        self.0
            .call("owner of port", &port.to_string(), |kernel, _| {
                let (Listener::Worker { owner, .. } | Listener::Squatter { owner, .. }) =
                    kernel.ports.listeners.get(&port)?;
                let process = kernel.process(*owner);
                Some(PortOwner { pid: process.pid, program: process.role.to_string() })
            })
            .await
    }
}
