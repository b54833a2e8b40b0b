//! Taking office, if nobody is in it.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use tokio::sync::Mutex;

use super::epoch::{self, EpochFloor, NoFloor};
use super::held::Published;
use super::holder::Holder;
use super::publication::Publication;
use super::{Tenure, TenureError, office};
use crate::failpoint;
use crate::layout;
use crate::machine::{Machine, ProcessIdentity, Readiness, TenureGuard, WorkerReport};
use crate::proof::{self, ProofKey};
use crate::record::{self, Record, WorkerState};
use crate::upgrade::{Heir, heir_of};
use crate::worker_id::WorkerId;

/// What came of claiming office.
#[must_use]
pub enum Claim {
    /// In office.
    Won(Tenure),
    /// Somebody else is. Nothing was touched, and the launcher knows already: end with status 0.
    Lost(Holder),
}

impl Tenure {
    /// Takes office, if nobody is in it.
    ///
    /// Touches neither port nor database nor record before the tenure lock is won. Then writes the first record, so that a worker
    /// that gets stuck can be identified, and draws the next epoch durably.
    ///
    /// `guardian` is the process that was launched in this one's place and lives as long as it does, if there is one: sessions that
    /// know the launched process recognise this worker by it.
    ///
    /// Cancelling leaves office again, if it had been taken.
    ///
    /// # Errors
    /// If the state directory or its locks can't be used. The launcher is told.
    pub async fn claim(
        machine: &Machine,
        id: &WorkerId,
        guardian: Option<ProcessIdentity>,
        readiness: Box<dyn Readiness>,
    ) -> Result<Claim, TenureError> {
        Self::claim_above(machine, id, guardian, readiness, &NoFloor).await
    }

    /// [`Tenure::claim`], with an epoch above all those that `floor` knows of. It is asked in office, before the epoch is drawn: so a
    /// database that was claimed through another state directory, or one whose own epochs were lost, does not refuse this tenure.
    ///
    /// # Errors
    /// As [`Tenure::claim`], and those of `floor`. The launcher is told.
    pub async fn claim_above(
        machine: &Machine,
        id: &WorkerId,
        guardian: Option<ProcessIdentity>,
        readiness: Box<dyn Readiness>,
        floor: &dyn EpochFloor,
    ) -> Result<Claim, TenureError> {
        let readiness: Arc<dyn Readiness> = readiness.into();
        let claim = match office::take_office(machine, id).await {
            Ok(Ok(office)) => match heir_of(machine, office.directory()).await {
                // Nobody barges in. The lock goes with the guard.
                Heir::Another(heir) => Ok(Claim::Lost(Holder { pid: Some(heir), record: None })),
                heir => Self::begin(machine, id, guardian, office, Arc::clone(&readiness), floor, heir)
                    .await
                    .map(Claim::Won),
            },
            Ok(Err(holder)) => Ok(Claim::Lost(holder)),
            Err(error) => Err(error),
        };
        Self::report_claim(&*readiness, &claim);
        claim
    }

    /// Tells the launcher of a claim that was not won.
    pub(super) fn report_claim(readiness: &dyn Readiness, claim: &Result<Claim, TenureError>) {
        match claim {
            Ok(Claim::Won(_)) => {}
            Ok(Claim::Lost(holder)) => {
                readiness.report(&WorkerReport::AlreadyRunning { by: holder.pid.map(|pid| pid.0) });
            }
            Err(error) => readiness.report(&error.report()),
        }
    }

    pub(super) async fn begin(
        machine: &Machine,
        id: &WorkerId,
        guardian: Option<ProcessIdentity>,
        office: Box<dyn TenureGuard>,
        readiness: Arc<dyn Readiness>,
        floor: &dyn EpochFloor,
        heir: Heir,
    ) -> Result<Self, TenureError> {
        failpoint::hit("claim.locked");
        let state_dir = |source| TenureError::StateDir { path: id.state_dir.clone(), source };
        let dir = office.directory();
        let previous = epoch::previous_record(&*office).await;
        let mut record = office::first_record(machine, id, guardian.as_ref());
        // The epoch of the predecessor stays in the file until the new one is drawn: it is one of the two places that remember it.
        record.epoch = previous.as_ref().and_then(|record| record.epoch);
        let mut files = Publication::default();
        files.put(dir, layout::RECORD, record::render(&record)).await.map_err(state_dir)?;
        failpoint::hit("claim.recorded");
        if matches!(heir, Heir::Stale) {
            let _ = dir.remove(layout::SUCCESSOR).await;
        }
        // What killed writers left is only untidy: not being able to remove it keeps nobody from office.
        let _ = dir.sweep().await;
        let floor = floor.highest().await?;
        let epoch = epoch::draw(&*office, previous.as_ref(), floor).await.map_err(state_dir)?;
        failpoint::hit("claim.epoch");
        record.epoch = Some(epoch);
        Ok(Self {
            machine: machine.clone(),
            id: id.clone(),
            readiness,
            process: record.process.clone(),
            epoch,
            identity: proof::identity_digest(&id.name, &record.surroundings.user, &id.state_dir),
            key: ProofKey::fresh(epoch, &*machine.random).map_err(TenureError::Random)?,
            token: proof::random_hex::<32>(&*machine.random).map_err(TenureError::Random)?,
            published: Mutex::new(Published { record, files, proved: machine.clock.now(), successor: None }),
            superseded: OnceLock::new(),
            ended: AtomicBool::new(false),
            inherited: matches!(heir, Heir::Myself),
            predecessor: previous.as_ref().map(words_on_predecessor),
            office,
        })
    }
}

/// How the one before ended, as far as it has said.
fn words_on_predecessor(record: &Record) -> String {
    let epoch = record.epoch.map(|epoch| format!("epoch {epoch}, ")).unwrap_or_default();
    let how = match record.state {
        WorkerState::Stopped => "stopped in good order",
        WorkerState::Leaving => "ended while it was stopping",
        WorkerState::Starting => "ended in its start, without a word",
        WorkerState::Ready => "ended without a word: a crash, or a kill",
    };
    format!("the one before it ({epoch}pid {}) {how}", record.process.pid)
}
