//! Ports, who listens on them, and what is asked of them.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::task::Waker;

use coordinator::HandOver;
use coordinator::proof::{Challenge, Health};

use super::processes::Key;

/// Somebody who is on a port and is not our worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Squatter {
    /// Takes connections and says nothing.
    Mute,
    /// Speaks something else.
    Alien,
    /// Passes every question on to a worker of ours, and its answer back.
    Relay,
    /// Answers every question with the last answer of ours that it has overheard, or one that it made up.
    Impostor,
}

/// What a worker is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// `GET /health?challenge=…`, dialled at this address.
    Health {
        /// The nonce.
        challenge: Challenge,
        /// Where.
        dialled: SocketAddr,
    },
    /// To stop, with this bearer.
    Stop {
        /// What was given as the bearer.
        token: String,
    },
    /// To hand its office over, with this bearer.
    HandOver {
        /// What was given as the bearer.
        token: String,
        /// To whom.
        request: HandOver,
    },
}

impl Question {
    /// The same question, as it comes in on this port.
    pub(crate) fn dialled_at(self, port: u16) -> Self {
        match self {
            Self::Health { challenge, dialled } => {
                Self::Health { challenge, dialled: SocketAddr::new(dialled.ip(), port) }
            }
            command @ (Self::Stop { .. } | Self::HandOver { .. }) => command,
        }
    }
}

/// What it answers.
#[derive(Debug)]
pub enum Reply {
    /// Its health, with a proof.
    Health(Box<Health>),
    /// It has lost its office.
    Superseded,
    /// It agrees to stop.
    Stopping,
    /// It agrees to hand over.
    HandingOver,
    /// It does not hand over: why.
    Keeping(String),
    /// It knows no such request.
    Unknown,
    /// Not with that bearer.
    Unauthorized,
}

#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) server: Option<Key>,
    /// Who asked, and when.
    pub(crate) from: Option<(Key, u64)>,
    pub(crate) reply: Option<Reply>,
    pub(crate) broken: bool,
    /// The asker no longer waits for the answer.
    pub(crate) abandoned: bool,
    pub(crate) client: Option<Waker>,
}

#[derive(Debug)]
pub(crate) enum Listener {
    Worker {
        owner: Key,
        closed: bool,
        /// Processes with a copy of the socket besides: it stays open as long as one of them lives.
        copies: Vec<Key>,
        queue: VecDeque<(u64, Question)>,
    },
    Squatter {
        owner: Key,
        kind: Squatter,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Ports {
    pub(crate) listeners: BTreeMap<u16, Listener>,
    pub(crate) requests: BTreeMap<u64, Request>,
    pub(crate) overheard: Option<Box<Health>>,
    /// A record was published while somebody listened: who has read it may ask there at any time.
    pub(crate) published: bool,
}

impl Ports {
    pub(crate) fn request(&mut self, number: u64) -> &mut Request {
        self.requests.entry(number).or_default()
    }

    pub(crate) fn listen(&mut self, asked: u16, owner: Key) -> io::Result<u16> {
        let port = match asked {
            0 => (49_152..=u16::MAX).find(|port| !self.listeners.contains_key(port)),
            asked => (!self.listeners.contains_key(&asked)).then_some(asked),
        };
        let port = port.ok_or(io::Error::from(io::ErrorKind::AddrInUse))?;
        let listener = Listener::Worker { owner, closed: false, copies: Vec::new(), queue: VecDeque::new() };
        self.listeners.insert(port, listener);
        Ok(port)
    }

    /// The port of some worker.
    pub(crate) fn any_worker(&self) -> Option<u16> {
        let worker = |listener: &Listener| matches!(listener, Listener::Worker { closed: false, .. });
        self.listeners.iter().find(|(_, listener)| worker(listener)).map(|(port, _)| *port)
    }

    /// The port that this process listens on.
    pub(crate) fn of(&self, process: Key) -> Option<u16> {
        let of = |listener: &Listener| matches!(listener, Listener::Worker { owner, closed: false, .. } if *owner == process);
        self.listeners.iter().find(|(_, listener)| of(listener)).map(|(port, _)| *port)
    }

    /// A process has died, or closed its listening socket.
    pub(crate) fn closed_by(&mut self, dead: Key) {
        self.listeners.retain(|_, listener| match listener {
            Listener::Squatter { owner, .. } => *owner != dead,
            Listener::Worker { owner, closed, copies, .. } => {
                copies.retain(|copy| *copy != dead);
                *closed |= *owner == dead;
                // A socket whose owner is gone stays in LISTEN with whoever has a copy.
                !*closed || !copies.is_empty()
            }
        });
        for request in self.requests.values_mut() {
            if request.server == Some(dead) && request.reply.is_none() {
                request.broken = true;
                if let Some(client) = request.client.take() {
                    client.wake();
                }
            }
        }
    }
}
