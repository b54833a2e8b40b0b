//! What all checks read.

use std::io;
use std::path::Path;

use coordinator::machine::{Activity, Machine, PortOwner, ProcessIdentity, Surroundings};
use coordinator::record::Record;
use coordinator::{EnsureError, HeldBack, PortChoice, Sight, held_back, inspect};

use super::super::condition::record_in_office;
use crate::census::Census;
use crate::config::Settings;
use crate::explain::Words;
use crate::failure::Failure;
use crate::request::Request;

/// An identity and its surroundings.
pub(super) struct Case<'a> {
    pub(super) machine: &'a Machine,
    pub(super) settings: &'a Settings,
    pub(super) words: &'a Words,
    pub(super) dir: &'a Path,
    /// Whether there is a state directory yet.
    pub(super) exists: bool,
    /// Who is in office, or why that can't be looked at.
    pub(super) sight: Result<Sight, EnsureError>,
    /// What keeps sessions from launching a worker, if that can be known.
    pub(super) held_back: Option<HeldBack>,
    pub(super) here: Surroundings,
    /// The file system, if it is one of the network.
    pub(super) network: Option<&'static str>,
    /// Whether this process may have sockets.
    pub(super) sockets: io::Result<()>,
    /// Who has the identity's port, if it has one.
    pub(super) port: Option<(u16, Option<PortOwner>)>,
    pub(super) census: Option<Census>,
}

impl<'a> Case<'a> {
    pub(super) fn take(machine: &'a Machine, request: &'a Request) -> Result<Self, Failure> {
        let dir = request.ensure.id().state_dir();
        let limit = request.ensure.deadline();
        request.block_on(async {
            let inspected = tokio::time::timeout(limit, async {
                let sight = inspect(machine, request.ensure.id(), limit).await?;
                let held_back = held_back(machine, &request.ensure, &sight).await;
                Ok((sight, held_back))
            });
            let late = EnsureError::TimedOut { phase: "looking at the worker", waited: limit };
            let (sight, held_back) = match inspected.await.unwrap_or(Err(late)) {
                Ok((sight, held_back)) => (Ok(sight), Some(held_back)),
                Err(error) => (Err(error), None),
            };
            let port = match request.settings.port.value {
                PortChoice::Fixed(port) => Some((port.get(), machine.network.owner(port.get()).await)),
                _ => None,
            };
            Ok(Self {
                machine,
                settings: &request.settings,
                words: &request.words,
                dir,
                exists: dir.symlink_metadata().is_ok(),
                sight,
                held_back,
                here: machine.processes.surroundings(),
                network: machine.files.network_file_system(dir).await,
                sockets: machine.network.permitted().await,
                port,
                census: Census::take(&*machine.processes).await.ok(),
            })
        })
    }

    /// The record of whoever is in office, if it is one's own.
    pub(super) fn office(&self) -> Option<&Record> {
        record_in_office(self.sight.as_ref().ok()?)
    }

    pub(super) fn in_office(&self) -> bool {
        self.sight.as_ref().is_ok_and(|sight| sight.in_office)
    }

    /// Whether surely nobody is in office.
    pub(super) fn vacant(&self) -> bool {
        self.exists && self.sight.as_ref().is_ok_and(|sight| !sight.in_office)
    }

    /// Whether this very process does not live any more; not if that can't be told.
    pub(super) fn is_dead(&self, process: &ProcessIdentity) -> bool {
        let here = process.boot_id == self.machine.clock.boot_id();
        let dead = |census: &Census| {
            census
                .mine
                .get(&process.pid)
                .is_none_or(|facts| facts.identity != *process || facts.activity == Activity::Zombie)
        };
        !here || self.census.as_ref().is_some_and(dead)
    }
}
