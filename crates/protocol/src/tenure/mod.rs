//! The worker's side: taking office, proving it, keeping it, leaving it.

mod epoch;
mod error;
mod office;
mod port;
mod publication;
mod succession;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Mutex;

pub use epoch::EpochFloor;
use epoch::NoFloor;
pub use error::{Superseded, TenureError};
use publication::Publication;
pub use succession::{HandOverRefused, Takeover};

use crate::failpoint;
use crate::identity::Epoch;
use crate::layout;
use crate::machine::{
    Activity, BoundPort, Directory, Machine, Moment, OfficeCheck, Pid, ProcessIdentity, Readiness,
    TenureGuard, WorkerReport,
};
use crate::machine::{Event, EventKind};
use crate::proof::{self, Challenge, Health, ProofKey};
use crate::record::{self, Record, Service, WorkerState};
use crate::sabotage::{self, Sabotage};
use crate::upgrade::{Heir, Successor, heir_of};
use crate::worker_id::WorkerId;

/// What came of claiming office.
#[must_use]
pub enum Claim {
    /// In office.
    Won(Tenure),
    /// Somebody else is. Nothing was touched, and the launcher knows already: end with status 0.
    Lost(Holder),
}

/// Who is in office, as far as a loser can tell.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The process.
    pub pid: Option<Pid>,
    /// What it says of itself.
    pub record: Option<Record>,
}

/// A worker's time in office. Dropping it, or the death of the process, ends it.
///
/// All methods take `&self`, so that a server can share it behind an `Arc`.
pub struct Tenure {
    machine: Machine,
    id: WorkerId,
    office: Box<dyn TenureGuard>,
    readiness: Arc<dyn Readiness>,
    process: ProcessIdentity,
    epoch: Epoch,
    identity: String,
    key: ProofKey,
    token: String,
    published: Mutex<Published>,
    superseded: OnceLock<Superseded>,
    ended: AtomicBool,
    /// Office was kept for this worker.
    inherited: bool,
    /// What is known of the one before, for the history.
    predecessor: Option<String>,
}

struct Published {
    record: Record,
    files: Publication,
    /// When the last proof was given.
    proved: Moment,
    /// To whom it hands over.
    successor: Option<Successor>,
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
        let claim = match office::take_office(machine, id, guardian.as_ref()).await {
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
    fn report_claim(readiness: &dyn Readiness, claim: &Result<Claim, TenureError>) {
        match claim {
            Ok(Claim::Won(_)) => {}
            Ok(Claim::Lost(holder)) => {
                readiness.report(&WorkerReport::AlreadyRunning { by: holder.pid.map(|pid| pid.0) });
            }
            Err(error) => readiness.report(&error.report()),
        }
    }

    async fn begin(
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

    /// The tenure's number: the fencing token of everything this worker writes.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// This process.
    pub fn process(&self) -> &ProcessIdentity {
        &self.process
    }

    /// The identity that it has.
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

    /// Takes the identity's port, and judges it: what goes away by itself (a client's socket, a superseded worker) is waited for, up to
    /// three seconds; anything else is named.
    ///
    /// # Errors
    /// [`TenureError::PortTaken`] or [`TenureError::Bind`]. Hand them to [`Tenure::fail`].
    pub async fn bind(&self) -> Result<BoundPort, TenureError> {
        failpoint::hit("bind.before");
        let bound = port::bind(&self.machine, &self.id).await?;
        failpoint::hit("bind.after");
        Ok(bound)
    }

    /// A free port of this worker's own, for one that supervises a command: that has the identity's port, and the proof is given here.
    ///
    /// # Errors
    /// [`TenureError::Bind`]. Hand it to [`Tenure::fail`].
    pub async fn bind_beside(&self) -> Result<BoundPort, TenureError> {
        port::bind_free(&self.machine).await
    }

    /// Publishes the secrets, and in the record where this worker can be asked, although it does not serve yet: so a start that takes long, as
    /// that of a command may, is known not to be stuck.
    ///
    /// # Errors
    /// If they can't be written, or this worker was superseded meanwhile.
    pub async fn starting(&self, address: SocketAddr) -> Result<(), TenureError> {
        self.publish(address, None, WorkerState::Starting).await
    }

    /// Publishes the secrets and the record, and tells the launcher. Call it once the server accepts connections.
    ///
    /// # Errors
    /// If they can't be written, or this worker was superseded meanwhile.
    pub async fn ready(&self, address: SocketAddr) -> Result<(), TenureError> {
        self.ready_with(address, None).await
    }

    /// [`Tenure::ready`], with a command that serves in this worker's place.
    ///
    /// # Errors
    /// As [`Tenure::ready`].
    pub async fn ready_with(&self, address: SocketAddr, service: Option<Service>) -> Result<(), TenureError> {
        self.publish(address, service, WorkerState::Ready).await?;
        // What was suspected of a worker that starts, with the patience that such a one is given, says nothing of one that serves.
        self.clear_suspicion().await;
        if self.inherited {
            // It is only untidy if it stays: who keeps office is in it.
            let _ = self.directory().remove(layout::SUCCESSOR).await;
        }
        self.readiness.report(&WorkerReport::Ready { epoch: self.epoch });
        failpoint::hit("ready.reported");
        self.note(EventKind::TenureBegan, self.predecessor.as_deref()).await;
        Ok(())
    }

    /// Says that the command serves again, or, with `None`, that it ended and is started anew: sessions wait meanwhile, as for a worker that
    /// starts. Nothing if this worker is on its way out.
    pub async fn set_service(&self, service: Option<Service>) {
        let state = if service.is_some() { WorkerState::Ready } else { WorkerState::Starting };
        self.change_record(|record| {
            if matches!(record.state, WorkerState::Ready | WorkerState::Starting) {
                (record.service, record.state) = (service, state);
            }
        })
        .await;
    }

    async fn publish(
        &self,
        address: SocketAddr,
        service: Option<Service>,
        state: WorkerState,
    ) -> Result<(), TenureError> {
        self.check_office().await?;
        let state_dir = |source| TenureError::StateDir { path: self.id.state_dir.clone(), source };
        let dir = self.directory();
        {
            let mut published = self.published.lock().await;
            let Published { record, files, .. } = &mut *published;
            // The record last: who reads `ready` finds the secrets of the same epoch.
            files.put(dir, layout::PROOF_KEY, record::render(&self.key)).await.map_err(state_dir)?;
            files.put(dir, layout::TOKEN, self.token.clone().into_bytes()).await.map_err(state_dir)?;
            files
                .put(dir, layout::PID_FILE, format!("{}\n", self.process.pid).into_bytes())
                .await
                .map_err(state_dir)?;
            failpoint::hit("ready.secrets");
            record.state = state;
            record.address = Some(address);
            record.service = service;
            files.put(dir, layout::RECORD, record::render(record)).await.map_err(state_dir)?;
            failpoint::hit("ready.record");
        }
        Ok(())
    }

    /// Answers a probe that dialled `dialled`: checks first that this worker is still the one, then proves it.
    ///
    /// # Errors
    /// [`Superseded`]: give no answer, and stop.
    pub async fn answer(
        &self,
        challenge: Option<&Challenge>,
        dialled: SocketAddr,
    ) -> Result<Health, Superseded> {
        failpoint::hit("answer");
        self.check().await?;
        let mut health = {
            let mut published = self.published.lock().await;
            // Whoever would be sent to a command that has ended is to wait for the next one.
            let service = self.living(published.record.service).await;
            if challenge.is_some() {
                published.proved = self.machine.clock.now();
            }
            Health {
                schema: 1,
                name: self.id.name.clone(),
                identity: self.identity.clone(),
                epoch: self.epoch,
                pid: self.process.pid,
                address: dialled,
                version: self.id.version.clone(),
                protocol: self.id.protocol,
                state: match published.record.state {
                    WorkerState::Ready if service != published.record.service => WorkerState::Starting,
                    state => state,
                },
                service,
                proof: None,
            }
        };
        if let Some(challenge) = challenge {
            // Whoever gets a proof knows that this worker is well: a suspicion is void.
            if !sabotage::on(Sabotage::ProofKeepsSuspicion) {
                self.clear_suspicion().await;
            }
            self.key.sign(&mut health, challenge);
        }
        Ok(health)
    }

    /// The command, unless it has ended: its worker learns that a moment later than one who looks.
    async fn living(&self, service: Option<Service>) -> Option<Service> {
        let service = service?;
        let seen = self.machine.processes.look(service.pid).await;
        let ended =
            matches!(&seen, Ok(None)) || matches!(&seen, Ok(Some(info)) if info.activity == Activity::Zombie);
        (!ended).then_some(service)
    }

    async fn clear_suspicion(&self) {
        if !matches!(self.directory().stat(layout::SUSPECT).await, Ok(None)) {
            let _ = self.directory().remove(layout::SUSPECT).await;
        }
    }

    /// The self-check, to be made every few seconds: makes and locks the lock file again if it was lost, and writes record, secrets and pid
    /// file again if they were lost or changed.
    ///
    /// # Errors
    /// [`Superseded`] if the directory is no longer the one at the path: stop.
    pub async fn check(&self) -> Result<(), Superseded> {
        self.check_office().await?;
        let mut published = self.published.lock().await;
        if !self.ended.load(Ordering::SeqCst) && !sabotage::on(Sabotage::NoHealing) {
            // A full disk must not end a worker that serves: tried again with the next check.
            let _ = published.files.heal(self.directory()).await;
        }
        Ok(())
    }

    async fn check_office(&self) -> Result<(), Superseded> {
        if let Some(superseded) = self.superseded.get() {
            return Err(superseded.clone());
        }
        match self.office.check().await {
            Ok(OfficeCheck::Superseded) if sabotage::on(Sabotage::SupersededKeepsServing) => Ok(()),
            Ok(OfficeCheck::Superseded) => {
                let why = format!(
                    "{} is no longer the directory that this worker holds",
                    self.id.state_dir.display()
                );
                Err(self.superseded.get_or_init(|| Superseded { why }).clone())
            }
            // Contested: somebody locked a new lock file, finds the directory held, and gives up.
            Ok(OfficeCheck::Held | OfficeCheck::Remade | OfficeCheck::Contested) => Ok(()),
            // Not being able to look (too many open files, say) is no evidence of anything.
            Err(_) => Ok(()),
        }
    }

    /// Says that this worker is on its way out: from now on sessions wait for its successor.
    pub async fn leaving(&self) {
        self.set_state(WorkerState::Leaving).await;
    }

    /// Decides to leave, if nobody was given a proof for `idle` and `needed`, which is asked last, says no. Whether it did: then this worker
    /// is on its way out for everybody, and is to stop as it does on any other request.
    ///
    /// Proofs and this decision exclude each other. So nobody is given a worker that has decided to leave, and one that was given has at
    /// least `idle` to make its need known.
    pub async fn leave_if_unneeded(&self, idle: Duration, needed: &(dyn Fn() -> bool + Sync)) -> bool {
        {
            let mut published = self.published.lock().await;
            let ready = published.record.state == WorkerState::Ready;
            let asked = self.machine.clock.now().since(published.proved) < idle;
            let kept = asked && !sabotage::on(Sabotage::LeavesWhenAsked);
            if !ready || kept || needed() {
                return false;
            }
            published.record.state = WorkerState::Leaving;
        }
        self.leaving().await;
        true
    }

    async fn set_state(&self, state: WorkerState) {
        self.change_record(|record| record.state = state).await;
    }

    async fn change_record(&self, change: impl FnOnce(&mut Record) + Send) {
        // Not into a stranger's directory, nor over a successor's record.
        if self.check_office().await.is_err() {
            return;
        }
        let mut published = self.published.lock().await;
        let Published { record, files, .. } = &mut *published;
        change(record);
        // If it can't be written, sessions learn it from the lock.
        let _ = files.put(self.directory(), layout::RECORD, record::render(record)).await;
    }

    /// Notes the end in good order: removes the secrets, and leaves a record that says `stopped`. The lock goes with the process, or
    /// when this is dropped.
    pub async fn end(&self, why: &str) {
        failpoint::hit("end.begin");
        if self.ended.swap(true, Ordering::SeqCst) {
            return;
        }
        {
            let mut published = self.published.lock().await;
            for secret in [layout::PROOF_KEY, layout::TOKEN, layout::PID_FILE] {
                // Through the held directory, so they are this tenure's own. A file that stays is overwritten by the successor.
                let _ = published.files.withdraw(self.directory(), secret).await;
            }
        }
        failpoint::hit("end.secrets");
        self.set_state(WorkerState::Stopped).await;
        #[cfg(all(oneworker_test, debug_assertions))]
        if sabotage::on(Sabotage::LockFileUnlinked) {
            let _ = self.directory().remove(layout::WORKER_LOCK).await;
        }
        self.note(EventKind::TenureEnded, Some(why)).await;
    }

    /// Tells the launcher why this worker can't serve, and ends.
    pub async fn fail(&self, error: &TenureError) {
        // First the report: whatever hangs in the end, the launcher has its answer.
        self.readiness.report(&error.report());
        self.end(&error.to_string()).await;
    }

    /// Notes in the history that a supervised command or a helper became ready or ended, in words that say which and why. Best effort, and not
    /// for long.
    pub async fn note_child(&self, child: Option<Pid>, ended: bool, words: &str) {
        let kind = if ended { EventKind::ChildEnded } else { EventKind::ChildReady };
        self.note_event(kind, Some(words), |event| Event { worker: child, ..event }).await;
    }

    async fn note(&self, kind: EventKind, reason: Option<&str>) {
        self.note_event(kind, reason, |event| Event {
            worker: Some(self.process.pid),
            version: Some(self.id.version.to_string()),
            program: Some(self.machine.processes.program().to_string_lossy().into_owned()),
            ..event
        })
        .await;
    }

    async fn note_event(
        &self,
        kind: EventKind,
        reason: Option<&str>,
        event: impl FnOnce(Event) -> Event + Send,
    ) {
        // The history lies at the path: a superseded worker has none. Looked at anew, since SQLite makes the file if it is not there.
        if self.check_office().await.is_err() {
            return;
        }
        let event = Event {
            epoch: Some(self.epoch),
            reason: reason.map(str::to_owned),
            ..event(Event::now(&self.machine, kind))
        };
        self.machine.history.note(&self.id.state_dir, vec![event]).await;
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

impl Drop for Tenure {
    fn drop(&mut self) {
        // The locks go after this, with the fields.
        failpoint::hit("office.left");
    }
}
