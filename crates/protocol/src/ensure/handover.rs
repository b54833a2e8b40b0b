//! Having a worker hand over to this session's version: the successor is launched while the old one serves.
//!
//! Whatever comes of it, sessions that can talk to the old worker have one all the time: it serves until its successor is ready to take office, and
//! goes on serving if that one fails. Only the ledger is written here; the two workers agree between themselves.

use std::net::SocketAddr;
use std::time::Duration;

use super::diagnose::LONGEST_PATIENCE;
use super::sight::{FIRST_PATIENCE, Verdict};
use super::{Call, Outcome, Phase, ReplaceReason, Turn, Worker, read_token};
use crate::error::EnsureError;
use crate::failpoint;
use crate::identity::Epoch;
use crate::layout;
use crate::machine::{ElectionGuard, LaunchEvent, Machine, Pid, ProcessIdentity, WorkerReport};
use crate::machine::{Event, EventKind};
use crate::proof::Health;
use crate::record::{LaunchNote, LaunchOutcome, READ_LIMIT, WorkerState};
use crate::sabotage::{self, Sabotage};
use crate::spec::WorkerSpec;
use crate::upgrade::{LastGood, Ledger, Predecessor, Refusal, Successor, code, lives};

/// How long a hand-over that another session has begun is waited for: its successor gives up by itself.
const LONGEST: Duration = Duration::from_secs(60);
/// What is kept of a deadline for the answer that a hand-over was not over in time.
const RESERVE: Duration = Duration::from_millis(500);

/// How an attempt to hand over went, if it brought no worker.
enum Miss {
    /// The old worker or the new one does not know how.
    NotKnown,
    /// Something is not what it was, or the old worker refuses: why.
    Again(String),
    /// The successor failed.
    Failed(EnsureError),
    /// It goes on, and there is no time to wait for it.
    Late,
}

/// A fresh proof of the worker that is to hand over: where it answers, and its bearer. `None` if it does not answer, or is another one.
pub(crate) async fn proven_predecessor(
    machine: &Machine,
    spec: &WorkerSpec,
    predecessor: Predecessor,
) -> Result<Option<(SocketAddr, String)>, EnsureError> {
    let call = Call::new(machine, spec, &|_| {});
    // First the token: then it is not of a later worker, which would be asked in this one's place.
    let token = read_token(machine, spec).await.unwrap_or_default();
    let recorded = call.read_record().await.map(|record| record.process);
    let named = (predecessor.pid, predecessor.start_time);
    if recorded.is_none_or(|process| (process.pid, process.start_time) != named) {
        return Ok(None);
    }
    let health = call.look(LONGEST_PATIENCE).await?.proven();
    let health = health.filter(|health| (health.epoch, health.pid) == (predecessor.epoch, predecessor.pid));
    Ok(health.map(|health| (health.address, token)))
}

impl Call<'_> {
    /// What this boot's sessions have noted of hand-overs.
    pub(super) async fn read_ledger(&self) -> Ledger {
        let boot_id = self.clock().boot_id();
        if sabotage::on(Sabotage::LedgerIgnored) {
            return Ledger::empty(boot_id);
        }
        let bytes = self.machine.files.read(&self.spec.state_dir, layout::UPGRADES, READ_LIMIT).await;
        Ledger::read(bytes.ok().flatten().as_deref(), boot_id, self.clock().now())
    }

    pub(super) async fn write_ledger(&self, ledger: &mut Ledger) -> std::io::Result<()> {
        let bytes = ledger.render();
        self.machine.files.replace(&self.spec.state_dir, layout::UPGRADES, &bytes).await
    }

    /// The process that office is kept for, if nobody is in it.
    pub(super) async fn kept_for(&self) -> Option<Pid> {
        let bytes = self.machine.files.read(&self.spec.state_dir, layout::SUCCESSOR, READ_LIMIT).await;
        let heir = Successor::living(self.machine, bytes.ok().flatten()).await?;
        (!sabotage::on(Sabotage::SuccessorIgnored)).then_some(heir.process.pid)
    }

    /// A worker in another version than this session wants: its answer, if it may not be replaced. Then it is as good as any.
    pub(super) async fn keep_if_refused(&self, health: &Health, outcome: Outcome) -> Option<Worker> {
        let refusal = self.permit(&self.read_ledger().await, health).err()?;
        Some(self.kept(health, outcome, &refusal.words()).await)
    }

    /// The worker in office, with a warning that says why it is not this session's version.
    pub(super) async fn kept(&self, health: &Health, outcome: Outcome, why: &str) -> Worker {
        let mut worker = self.found(health, outcome).await;
        worker.warnings.push(self.not_replaced(health, why));
        worker
    }

    fn not_replaced(&self, health: &Health, why: &str) -> String {
        let (theirs, ours) = (&health.version, &self.spec.version);
        format!("the worker in office is version {theirs}, and is not replaced by {ours}: {why}")
    }

    fn permit(&self, ledger: &Ledger, health: &Health) -> Result<(), Refusal> {
        if self.spec.chosen {
            return Ok(());
        }
        let compatible = health.protocol.overlaps(self.spec.protocol);
        let now = self.clock().now();
        ledger.permits(&self.spec.version, &health.version, compatible, now, self.spec.upgrade_limits)
    }

    /// By when a session that could use the worker in office goes back to that.
    pub(super) fn second_thoughts(&self) -> crate::Deadline {
        self.inner_deadline().less((self.spec.deadline / 5).min(RESERVE))
    }

    /// Has the worker in office hand over to a successor of this session's version.
    pub(super) async fn hand_over(
        &self,
        elected: &dyn ElectionGuard,
        health: &Health,
    ) -> Result<Turn, EnsureError> {
        let compatible = health.protocol.overlaps(self.spec.protocol);
        if self.inner_deadline().passed(self.clock()) {
            return Err(self.too_late());
        }
        let mut ledger = self.read_ledger().await;
        ledger.recognise(&health.version, health.epoch, self.clock().now());
        if let Some(refusal) = self.others_under_way(&mut ledger, health, compatible).await {
            return self.settle_for(health, compatible, refusal).await;
        }
        if self.in_office(health.epoch).await.is_none() {
            self.inner_deadline().pause(self.clock(), Duration::from_millis(2)).await;
            return Ok(Turn::Again);
        }
        if let Err(refusal) = self.permit(&ledger, health) {
            return self.settle_for(health, compatible, refusal).await;
        }
        let Some(predecessor) = self.predecessor(health).await else {
            self.inner_deadline().pause(self.clock(), Duration::from_millis(2)).await;
            return Ok(Turn::Again);
        };
        let from =
            LastGood { version: health.version.clone(), program: self.program_in_office(health).await };
        let now = self.clock().now();
        if self.spec.chosen {
            ledger.choose(&self.spec.version, now);
        }
        ledger.begin(&self.spec.version, from, health.epoch, now, self.spec.upgrade_limits);
        // What can't be noted could be begun without end. A worker that can't be used ends with its protocol all the same.
        if let Err(error) = self.write_ledger(&mut ledger).await
            && compatible
        {
            return self.settle_for(health, compatible, Refusal::NotNoted(error.to_string())).await;
        }
        failpoint::hit("hand_over.noted");
        self.enter(Phase::Succeeding(health.pid));
        let miss = match self.launch_successor(elected, predecessor, &mut ledger, compatible).await? {
            Ok(epoch) => return self.handed(health, epoch).await,
            Err(miss) => miss,
        };
        match miss {
            Miss::Again(_) if !compatible => Ok(Turn::Again),
            Miss::Again(why) => self.still_in_office(&why).await,
            Miss::NotKnown => self.retire_and_launch(elected, health, ledger).await,
            Miss::Failed(error) if !compatible => Err(error),
            Miss::Failed(error) => self.still_in_office(&format!("its successor failed: {error}")).await,
            Miss::Late if !compatible => Err(self.too_late()),
            Miss::Late => self.still_in_office("its successor is not ready yet").await,
        }
    }

    /// What is done if one of the two does not know how to hand over: the old worker is told to stop, and then the new one is launched.
    async fn retire_and_launch(
        &self,
        elected: &dyn ElectionGuard,
        health: &Health,
        mut ledger: Ledger,
    ) -> Result<Turn, EnsureError> {
        let Some(why) = self.retire(elected, health).await? else {
            ledger.gave_up(&self.spec.version);
            let _ = self.write_ledger(&mut ledger).await;
            return Ok(Turn::Again);
        };
        let turn = self.launch(elected, Some(why)).await?;
        if let Turn::Done(worker) = &turn {
            let mut ledger = self.read_ledger().await;
            ledger.took_office(&self.spec.version, worker.epoch, self.clock().now());
            let _ = self.write_ledger(&mut ledger).await;
        }
        Ok(turn)
    }

    /// Waits for hand-overs that other sessions have begun and not seen to their end, as long as this worker is in office, and closes those whose
    /// successor is dead. One that goes on for longer than this session has time for is a reason to leave it at that.
    async fn others_under_way(
        &self,
        ledger: &mut Ledger,
        health: &Health,
        compatible: bool,
    ) -> Option<Refusal> {
        let deadline = if compatible { self.second_thoughts() } else { self.inner_deadline() };
        for (version, at, begun) in ledger.open() {
            let record = self.read_record().await;
            let is_it =
                |process: &ProcessIdentity| record.as_ref().is_some_and(|record| record.is_of(process));
            if begun.process.as_ref().is_some_and(is_it) {
                // Its session did not live to see that it came to office: it is the one that is there.
                ledger.took_office(&version, health.epoch, at);
                let _ = self.write_ledger(ledger).await;
                continue;
            }
            // Who was to take over from an earlier worker can't do so any more.
            if let Some(process) = begun.process.as_ref().filter(|_| begun.of == health.epoch) {
                while self.clock().now().since(at) < LONGEST && lives(self.machine, process).await {
                    self.in_office(health.epoch).await?;
                    if deadline.passed(self.clock()) {
                        return Some(Refusal::UnderWay { version, pid: process.pid });
                    }
                    self.enter(Phase::Succeeding(health.pid));
                    deadline.pause(self.clock(), Duration::from_millis(10)).await;
                }
            }
            let in_office = self.in_office(health.epoch).await;
            ledger.close(&version, in_office, self.clock().now());
            // If it can't be written, the next one closes it.
            let _ = self.write_ledger(ledger).await;
        }
        None
    }

    /// This epoch, if the record still names it as serving.
    async fn in_office(&self, epoch: Epoch) -> Option<Epoch> {
        let record = self.read_record().await?;
        (record.epoch == Some(epoch) && record.state == WorkerState::Ready).then_some(epoch)
    }

    /// What a session does that may not have the worker in office replaced.
    async fn settle_for(
        &self,
        health: &Health,
        compatible: bool,
        refusal: Refusal,
    ) -> Result<Turn, EnsureError> {
        if compatible {
            return Ok(Turn::Done(self.kept(health, Outcome::Waited, &refusal.words()).await));
        }
        if let Refusal::UnderWay { pid, .. } = refusal {
            return Err(EnsureError::Starting { pid: Some(pid), waited: self.waited() });
        }
        let (attempts, log_tail) = match &refusal {
            Refusal::Bad { failures, log_tail, .. } => (*failures, log_tail.clone()),
            _ => (0, String::new()),
        };
        Err(EnsureError::CoolingDown {
            retry_in: refusal.retry_in(),
            attempts,
            last_error: self.not_replaced(health, &refusal.words()),
            log_tail,
        })
    }

    /// Which process is to hand over, by its record; `None` if that speaks of another one.
    async fn predecessor(&self, health: &Health) -> Option<Predecessor> {
        let record = self.read_record().await?;
        (record.epoch == Some(health.epoch) && record.process.pid == health.pid).then_some(Predecessor {
            epoch: health.epoch,
            pid: health.pid,
            start_time: record.process.start_time,
        })
    }

    async fn program_in_office(&self, health: &Health) -> std::path::PathBuf {
        let record = self.read_record().await.filter(|record| record.epoch == Some(health.epoch));
        record.map(|record| record.program).unwrap_or_default()
    }

    /// Launches the successor, and waits until it is in office.
    async fn launch_successor(
        &self,
        elected: &dyn ElectionGuard,
        predecessor: Predecessor,
        ledger: &mut Ledger,
        compatible: bool,
    ) -> Result<Result<Epoch, Miss>, EnsureError> {
        let version = &self.spec.version;
        let spec = self.spec.launching(predecessor.tell(&self.spec.launch));
        let launched = self.machine.launcher.launch(&spec, elected).await;
        let mut launched = match launched {
            Ok(launched) => launched,
            Err(error) => {
                let error = self.cannot_launch(error);
                ledger.failed(version, &error.to_string(), "");
                let _ = self.write_ledger(ledger).await;
                return Ok(Err(Miss::Failed(error)));
            }
        };
        failpoint::hit("hand_over.spawned");
        ledger.launched(version, launched.process());
        let _ = self.write_ledger(ledger).await;
        failpoint::hit("hand_over.launched");
        let deadline = if compatible { self.second_thoughts() } else { self.inner_deadline() };
        let Ok(event) = deadline.limit(self.clock(), launched.next()).await else {
            // It goes on without us.
            return Ok(Err(Miss::Late));
        };
        let said = match event {
            LaunchEvent::Report(WorkerReport::Ready { epoch }) => {
                failpoint::hit("hand_over.ready");
                ledger.took_office(version, epoch, self.clock().now());
                let _ = self.write_ledger(ledger).await;
                self.note_handed(launched.process(), epoch).await;
                return Ok(Ok(epoch));
            }
            // A program that does not know what it was marked for claims office like any other, and finds the one there that it was to ask.
            LaunchEvent::Report(WorkerReport::AlreadyRunning { by })
                if by.is_none_or(|by| Pid(by) == predecessor.pid) =>
            {
                return Ok(Err(Miss::NotKnown));
            }
            LaunchEvent::Report(WorkerReport::Failed { code, .. }) if code == code::UNKNOWN => {
                return Ok(Err(Miss::NotKnown));
            }
            LaunchEvent::Report(WorkerReport::AlreadyRunning { .. }) => {
                let why = "another worker came into office meanwhile".to_owned();
                return Ok(Err(self.moved(ledger, why).await));
            }
            LaunchEvent::Report(WorkerReport::Failed { code, message, .. })
                if [code::REFUSED, code::LATE].contains(&code.as_str()) =>
            {
                return Ok(Err(self.moved(ledger, message).await));
            }
            event => event,
        };
        let error = self.successor_failed(said, launched.log_start()).await;
        ledger.failed(version, &error.to_string(), error.log_tail().unwrap_or_default());
        let _ = self.write_ledger(ledger).await;
        self.note(EventKind::LaunchFailed, launched.process().map(|process| process.pid), &error.to_string())
            .await;
        Ok(Err(Miss::Failed(error)))
    }

    /// The hand-over has come to nothing since something is not what it was. Looked at again after a moment.
    async fn moved(&self, ledger: &mut Ledger, why: String) -> Miss {
        ledger.gave_up(&self.spec.version);
        let _ = self.write_ledger(ledger).await;
        self.inner_deadline().pause(self.clock(), Duration::from_millis(2)).await;
        Miss::Again(why)
    }

    async fn successor_failed(&self, event: LaunchEvent, log_start: u64) -> EnsureError {
        let log_tail = self.log_tail(log_start).await;
        match event {
            LaunchEvent::Report(WorkerReport::Failed { code, port: Some(port), pid, program, .. })
                if code == "port_taken" =>
            {
                EnsureError::PortTaken { port, pid: pid.map(Pid), program }
            }
            LaunchEvent::Report(WorkerReport::Failed { code, message, .. }) => {
                EnsureError::WorkerFailed { worker_code: code, message, log_tail }
            }
            LaunchEvent::Report(_) => {
                EnsureError::LaunchFailed { ending: crate::machine::Ending::Unknown, log_tail }
            }
            LaunchEvent::Ended(ending) => EnsureError::LaunchFailed { ending, log_tail },
        }
    }

    /// The answer to a session that had the worker handed over.
    async fn handed(&self, old: &Health, epoch: Epoch) -> Result<Turn, EnsureError> {
        self.forget_suspicion().await;
        let why = ReplaceReason::Handed { pid: old.pid, version: old.version.clone() };
        self.note(EventKind::Replaced, Some(old.pid), &why.to_string()).await;
        match self.look(self.spec.deadline).await? {
            Verdict::Ready(health) | Verdict::Replaceable(health) => {
                Ok(Turn::Done(self.worker(&health, Outcome::Replaced { why })))
            }
            // This session's own program is too old for it: another one would be the same.
            Verdict::Outdated(health) if health.epoch == epoch => Err(self.too_new(&health).await),
            _ => Ok(Turn::Again),
        }
    }

    /// Whoever is in office now is as good.
    async fn still_in_office(&self, why: &str) -> Result<Turn, EnsureError> {
        match self.look(FIRST_PATIENCE).await? {
            Verdict::Replaceable(health) => Ok(Turn::Done(self.kept(&health, Outcome::Waited, why).await)),
            Verdict::Ready(health) => Ok(Turn::Done(self.found(&health, Outcome::Waited).await)),
            _ => Ok(Turn::Again),
        }
    }

    /// The launch that others are to know of from now on.
    async fn note_handed(&self, process: Option<ProcessIdentity>, epoch: Epoch) {
        let at = self.clock().now();
        let note = LaunchNote {
            schema: 1,
            boot_id: self.clock().boot_id(),
            at,
            process,
            outcome: Some(LaunchOutcome::Ready { epoch, at }),
            failures: 0,
            last_error: None,
            log_tail: None,
        };
        self.write_launch(&note).await;
    }

    pub(super) async fn note(&self, kind: EventKind, worker: Option<Pid>, reason: &str) {
        let event = Event { worker, reason: Some(reason.to_owned()), ..self.launch_event(kind) };
        self.machine.history.note(&self.spec.state_dir, vec![event]).await;
    }
}
