//! What a worker publishes in the state directory for its sessions: its record and its proof key.

use std::net::{Ipv4Addr, SocketAddr};

use crate::identity::PortChoice;
use crate::proof::{Challenge, Health, ProofKey};
use crate::record::{Record, WorkerState};
use crate::worker_id::WorkerId;

/// The record and the key, each as far as it could be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) record: Option<Record>,
    pub(super) key: Option<ProofKey>,
}

impl Published {
    /// Returns whether a worker says that it is ready, but has no key to prove itself with. It
    /// restores a lost key when it is probed.
    pub(super) fn lacks_key(&self) -> bool {
        self.key.is_none() && self.record.as_ref().is_some_and(|record| record.state == WorkerState::Ready)
    }

    /// Returns whether an answer was made with the key, and for this challenge.
    pub(super) fn proves(&self, health: &Health, challenge: &Challenge) -> bool {
        self.key.as_ref().is_some_and(|key| health.epoch == key.epoch && key.verifies(health, challenge))
    }

    /// Returns where to probe: at the record's address.
    ///
    /// Without a record, at the requested port: a worker that is probed restores its record. A
    /// supervised command does not know such probes.
    pub(super) fn address(&self, id: &WorkerId) -> Option<SocketAddr> {
        match (&self.record, id.port()) {
            (Some(record), _) => record.address.filter(|_| record.state != WorkerState::Stopped),
            (None, PortChoice::Fixed(port)) if !id.supervised => {
                Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.get())))
            }
            (None, _) => None,
        }
    }
}
