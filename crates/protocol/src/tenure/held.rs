//! What a worker in office has: [`Tenure`].

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use tokio::sync::Mutex;

use super::Superseded;
use super::publication::Publication;
use crate::failpoint;
use crate::identity::Epoch;
use crate::machine::{Directory, Machine, Moment, ProcessIdentity, Readiness, TenureGuard};
use crate::proof::ProofKey;
use crate::record::Record;
use crate::upgrade::Successor;
use crate::worker_id::WorkerId;

/// A worker's time in office. Dropping it, or the death of the process, ends it.
///
/// All methods take `&self`, so that a server can share it behind an `Arc`.
pub struct Tenure {
    pub(super) machine: Machine,
    pub(super) id: WorkerId,
    pub(super) office: Box<dyn TenureGuard>,
    pub(super) readiness: Arc<dyn Readiness>,
    pub(super) process: ProcessIdentity,
    pub(super) epoch: Epoch,
    pub(super) identity: String,
    pub(super) key: ProofKey,
    pub(super) token: String,
    pub(super) published: Mutex<Published>,
    pub(super) superseded: OnceLock<Superseded>,
    pub(super) ended: AtomicBool,
    /// Office was kept for this worker.
    pub(super) inherited: bool,
    /// What is known of the one before, for the history.
    pub(super) predecessor: Option<String>,
}

pub(super) struct Published {
    pub(super) record: Record,
    pub(super) files: Publication,
    /// When the last proof was given.
    pub(super) proved: Moment,
    /// To whom it hands over.
    pub(super) successor: Option<Successor>,
}

impl Tenure {
    /// The tenure's number: the fencing token of everything this worker writes.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// This process.
    pub fn process(&self) -> &ProcessIdentity {
        &self.process
    }

    /// Returns the identity that it has.
    pub fn id(&self) -> &WorkerId {
        &self.id
    }

    /// A digest of name, user and state directory: the same in every tenure of the identity.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The bearer token of those who may command this worker.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The state directory, held open: it stays the same one whatever is put at its path.
    pub fn directory(&self) -> &dyn Directory {
        self.office.directory()
    }
}

impl Drop for Tenure {
    fn drop(&mut self) {
        // The locks go after this, with the fields.
        failpoint::hit("office.left");
    }
}
