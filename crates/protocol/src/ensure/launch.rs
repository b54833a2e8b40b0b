//! Launching a worker, and holding launches back after failures.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::diagnose::Diagnosis;
use super::sight::Verdict;
use super::suspicion::LENIENCE;
use super::{Call, Outcome, Phase, ReplaceReason, Turn};
use crate::error::{EnsureError, LOG_TAIL_BYTES};
use crate::failpoint;
use crate::identity::PortChoice;
use crate::layout;
use crate::machine::{
    Activity, ElectionGuard, LaunchEvent, Pid, ProbeAnswer, ProcessIdentity, ProcessInfo, Signal, TenureLook,
    WorkerReport,
};
use crate::machine::{Event, EventKind};
use crate::proof::Challenge;
use crate::record::{self, LaunchNote, LaunchOutcome, Record, WorkerState};
use crate::sabotage::{self, Sabotage};

/// How long whoever is on the port may take to be there.
const PORT_PATIENCE: Duration = Duration::from_millis(200);

impl Call<'_> {
    /// Launches a worker, unless one is on its way already or launches are held back, and waits for it.
    pub(super) async fn launch(
        &self,
        elected: &dyn ElectionGuard,
        replaced: Option<ReplaceReason>,
    ) -> Result<Turn, EnsureError> {
        let mut failures = 0;
        if let Some(note) = self.read_launch().await.filter(|note| self.is_of_this_boot(note)) {
            if let Some(process) = self.on_its_way(&note).await {
                return self.wait_for_claim(elected, &process, &note).await;
            }
            failures = self.cooled_down(&note).await?;
            self.port_is_free_again(&note).await?;
        }
        let mut choice = self.choose().await?;
        // A worker would inherit the sandbox, fail in it, and hold back the launches of those outside.
        if let Err(source) = self.machine.network.permitted().await {
            return Err(EnsureError::NotPermitted { what: "open a socket", source });
        }
        self.enter(Phase::Starting(None));
        failpoint::hit("launch.before");
        let mut launched = self
            .machine
            .launcher
            .launch(&choice.spec, elected)
            .await
            .map_err(|error| self.no_launch_of(&choice, error))?;
        failpoint::hit("launch.spawned");
        let mut note = LaunchNote {
            schema: 1,
            boot_id: self.clock().boot_id(),
            at: self.clock().now(),
            process: launched.process(),
            outcome: None,
            failures,
            last_error: None,
            log_tail: None,
        };
        self.write_launch(&note).await;
        failpoint::hit("launch.noted");
        self.enter(Phase::Starting(note.process.as_ref().map(|process| process.pid)));

        let deadline = self.inner_deadline();
        let note_launched =
            self.note_launched(note.process.as_ref().map(|process| process.pid), replaced.as_ref());
        // While the worker starts: so the history costs no time of the session's own.
        let (event, _) = tokio::join!(
            deadline.limit(self.clock(), launched.next()),
            deadline.limit(self.clock(), note_launched)
        );
        let Ok(event) = event else {
            // It goes on without us.
            return Err(self.too_late());
        };
        match event {
            LaunchEvent::Report(WorkerReport::Ready { epoch }) => {
                failpoint::hit("launch.ready");
                note.outcome = Some(LaunchOutcome::Ready { epoch, at: self.clock().now() });
                self.tried(&mut choice, &note).await;
                self.conclude(note).await;
                match self.look(self.spec.deadline).await? {
                    Verdict::Ready(health) | Verdict::Replaceable(health) => {
                        let outcome = replaced.map_or(Outcome::Started, |why| Outcome::Replaced { why });
                        let mut worker = self.worker(&health, outcome);
                        worker.warnings.extend(choice.instead);
                        worker.warnings.extend(self.warn_of_network().await);
                        Ok(Turn::Done(worker))
                    }
                    // This session's own program is too old for it: another launch would bring the same.
                    Verdict::Outdated(health) if health.epoch == epoch => Err(self.too_new(&health).await),
                    _ => Ok(Turn::Again),
                }
            }
            LaunchEvent::Report(WorkerReport::AlreadyRunning { .. }) => {
                note.outcome = Some(LaunchOutcome::AlreadyRunning);
                self.conclude(note).await;
                // A live holder, which the next round looks at. Not at once: it may be about to write its record.
                self.inner_deadline().pause(self.clock(), Duration::from_millis(2)).await;
                Ok(Turn::Again)
            }
            LaunchEvent::Report(WorkerReport::Failed { code, message, port, pid, program }) => {
                let log_tail = self.log_tail(launched.log_start()).await;
                let taken = (code == "port_taken").then_some(port).flatten();
                note.outcome = Some(match taken {
                    Some(port) => LaunchOutcome::PortTaken { port, pid, program: program.clone() },
                    None => LaunchOutcome::Failed,
                });
                let note = self.note_failure(note, &message, &log_tail).await;
                self.tried(&mut choice, &note).await;
                Err(match taken {
                    Some(port) => EnsureError::PortTaken { port, pid: pid.map(Pid), program },
                    None => EnsureError::WorkerFailed { worker_code: code, message, log_tail },
                })
            }
            LaunchEvent::Ended(ending) => {
                let log_tail = self.log_tail(launched.log_start()).await;
                note.outcome = Some(LaunchOutcome::Failed);
                let what = format!("the worker {ending} before it was ready");
                let note = self.note_failure(note, &what, &log_tail).await;
                self.tried(&mut choice, &note).await;
                Err(EnsureError::LaunchFailed { ending, log_tail })
            }
        }
    }

    /// Said once, by who starts a worker.
    async fn warn_of_network(&self) -> Option<String> {
        let kind = self.machine.files.network_file_system(&self.spec.state_dir).await?;
        let dir = self.spec.state_dir.display();
        Some(format!(
            "{dir} is on a network file system ({kind}), whose locks may not exclude a worker on another machine: name a local directory \
             (--state-dir or ONEWORKER_STATE_DIR)"
        ))
    }

    pub(super) fn cannot_launch(&self, error: crate::machine::LaunchError) -> EnsureError {
        match error {
            crate::machine::LaunchError::NoProcess { source }
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                EnsureError::NotPermitted { what: "start a process", source }
            }
            crate::machine::LaunchError::Log { source, .. } => self.state_dir_error(source),
            other => EnsureError::CannotLaunch(other),
        }
    }

    pub(super) async fn read_launch(&self) -> Option<LaunchNote> {
        self.read_file(layout::LAUNCH, record::READ_LIMIT).await
    }

    pub(super) async fn write_launch(&self, note: &LaunchNote) {
        // If it can't be written (a full disk), the next session may launch once more than it should: the tenure lock still sees to
        // one worker.
        let _ = self.machine.files.replace(&self.spec.state_dir, layout::LAUNCH, &record::render(note)).await;
    }

    /// The process of a launch that has not come to an end: its session was killed, stopped, or gave up.
    async fn on_its_way(&self, note: &LaunchNote) -> Option<ProcessIdentity> {
        if sabotage::on(Sabotage::LaunchNoteIgnored) {
            return None;
        }
        let process = note.process.as_ref().filter(|_| note.outcome.is_none())?;
        self.living(process).await.map(|_| process.clone())
    }

    /// What is to be seen of this very process, if it lives.
    async fn living(&self, process: &ProcessIdentity) -> Option<ProcessInfo> {
        let info = self.look_at_same(process).await?;
        let dead = info.activity == Activity::Zombie && !sabotage::on(Sabotage::ZombieTakenForAlive);
        (!dead).then_some(info)
    }

    /// Waits for a worker that was launched by another session and has not taken office yet. One that does not in time is ended: it is
    /// ours, by pid, start time and boot.
    async fn wait_for_claim(
        &self,
        elected: &dyn ElectionGuard,
        process: &ProcessIdentity,
        note: &LaunchNote,
    ) -> Result<Turn, EnsureError> {
        self.enter(Phase::Starting(Some(process.pid)));
        loop {
            if self.look_at_tenure().await? != TenureLook::Free {
                return match self.diagnose(elected, &mut None).await? {
                    Diagnosis::Ready(health) => Ok(Turn::Done(self.found(&health, Outcome::Waited).await)),
                    Diagnosis::Replaceable(_) | Diagnosis::Vacant { .. } => Ok(Turn::Again),
                };
            }
            let Some(info) = self.living(process).await else { return Ok(Turn::Again) };
            // On a loaded machine a worker may not come to its first instruction for long; a stopped one does not come to it at all.
            let limit = match info.activity {
                Activity::Stopped => self.spec.hang_limit,
                _ => self.spec.hang_limit * LENIENCE,
            };
            if self.clock().now().since(note.at) >= limit {
                Self::refuse_traced(&info)?;
                #[cfg(all(oneworker_test, debug_assertions))]
                let process = &self.mistaken(process).await?;
                // That it may not be signalled is no reason not to launch another: it would lose.
                let _ = self.machine.processes.signal(process, Signal::Kill).await;
                let failed = LaunchNote { outcome: Some(LaunchOutcome::Failed), ..note.clone() };
                self.note_failure(failed, "the worker was launched, but never took office", "").await;
                return Ok(Turn::Again);
            }
            if self.inner_deadline().passed(self.clock()) {
                return Err(self.too_late());
            }
            self.inner_deadline().pause(self.clock(), Duration::from_millis(5)).await;
        }
    }

    /// What was noted in another boot, or lies ahead on this one's clock, says nothing.
    fn is_of_this_boot(&self, note: &LaunchNote) -> bool {
        sabotage::on(Sabotage::BootIgnored)
            || note.boot_id == self.clock().boot_id() && note.at <= self.clock().now()
    }

    /// Why nothing would be launched just now, by this note, while nobody is in office.
    pub(super) async fn cooling(&self, note: &LaunchNote) -> Option<EnsureError> {
        let counts = self.is_of_this_boot(note) && self.on_its_way(note).await.is_none();
        if counts { self.cooled_down(note).await.err() } else { None }
    }

    /// Failures in a row up to now, if enough time has passed since the last.
    async fn cooled_down(&self, note: &LaunchNote) -> Result<u32, EnsureError> {
        if sabotage::on(Sabotage::BackoffNotShared) {
            return Ok(0);
        }
        let failures = match &note.outcome {
            Some(LaunchOutcome::Failed | LaunchOutcome::AlreadyRunning | LaunchOutcome::PortTaken { .. }) => {
                note.failures
            }
            Some(LaunchOutcome::Replaced) => 0,
            Some(LaunchOutcome::Ready { epoch, at }) => {
                let record = self.read_record().await.filter(|record| record.epoch == Some(*epoch));
                let in_good_order = record.is_some_and(|record| record.state == WorkerState::Stopped);
                let stable = self.clock().now().since(*at) >= self.spec.backoff.stable_after;
                if in_good_order || stable { 0 } else { note.failures.saturating_add(1) }
            }
            // Its session did not live to see how it ended; it is dead now.
            None => {
                let its =
                    |record: &Record| note.process.as_ref().is_some_and(|process| record.is_of(process));
                let record = self.read_record().await.filter(its);
                let served = record.is_some_and(|record| record.state != WorkerState::Starting);
                if served { 0 } else { note.failures.saturating_add(1) }
            }
        };
        let delay = self.spec.backoff.delay(failures);
        let passed = self.clock().now().since(note.at);
        if passed >= delay {
            return Ok(failures);
        }
        Err(EnsureError::CoolingDown {
            retry_in: delay - passed,
            attempts: failures,
            last_error: note
                .last_error
                .clone()
                .unwrap_or_else(|| "the worker died soon after it was ready".to_owned()),
            log_tail: note.log_tail.clone().unwrap_or_default(),
        })
    }

    /// No launch while the port is still held by somebody else. Found out by connecting: a session that tried to bind would be in the
    /// way of the others, and of the worker.
    async fn port_is_free_again(&self, note: &LaunchNote) -> Result<(), EnsureError> {
        let Some(LaunchOutcome::PortTaken { port, pid, program }) = &note.outcome else { return Ok(()) };
        if !matches!(self.spec.port, PortChoice::Fixed(asked) if asked.get() == *port) {
            return Ok(());
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        let challenge = Challenge::fresh(&*self.machine.random)
            .map_err(|source| EnsureError::NotPermitted { what: "draw random bytes", source })?;
        let probe = self.machine.network.probe(address, &challenge);
        match self.inner_deadline().at_most(self.clock(), PORT_PATIENCE).limit(self.clock(), probe).await {
            Ok(ProbeAnswer::Refused | ProbeAnswer::Superseded) => Ok(()),
            Ok(ProbeAnswer::NotPermitted(source)) => {
                Err(EnsureError::NotPermitted { what: "connect to the worker's port", source })
            }
            _ => match self.machine.network.owner(*port).await {
                Some(owner) => Err(EnsureError::PortTaken {
                    port: *port,
                    pid: Some(owner.pid),
                    program: Some(owner.program),
                }),
                None => {
                    Err(EnsureError::PortTaken { port: *port, pid: pid.map(Pid), program: program.clone() })
                }
            },
        }
    }

    pub(super) async fn log_tail(&self, from: u64) -> String {
        let tail = self.machine.files.tail(&self.spec.log_file(), from, LOG_TAIL_BYTES).await;
        String::from_utf8_lossy(&tail.unwrap_or_default()).into_owned()
    }

    /// Notes how a launch went. Who was elected past this session, when that had halted, may have noted a launch meanwhile: its failures count,
    /// and if it is on its way, it stays the one that others wait for.
    async fn conclude(&self, mut note: LaunchNote) {
        let found = self.read_launch().await.filter(|found| found.boot_id == note.boot_id);
        let failures = found.as_ref().map_or(note.failures, |found| found.failures.max(note.failures));
        // A taken port holds launches back until it is free, and not by time.
        let failed = note.outcome == Some(LaunchOutcome::Failed);
        note.failures = failures.saturating_add(u32::from(failed));
        note.at = self.clock().now();
        if let Some(other) = found.filter(|found| found.process != note.process)
            && self.on_its_way(&other).await.is_some()
        {
            note = LaunchNote { failures: note.failures, ..other };
        }
        self.write_launch(&note).await;
    }

    async fn note_failure(&self, mut note: LaunchNote, error: &str, log_tail: &str) -> LaunchNote {
        note.last_error = Some(error.to_owned());
        note.log_tail = Some(log_tail.to_owned());
        self.conclude(note.clone()).await;
        self.note(EventKind::LaunchFailed, note.process.as_ref().map(|process| process.pid), error).await;
        note
    }

    /// Notes who was launched by whom, and for what.
    async fn note_launched(&self, worker: Option<Pid>, replaced: Option<&ReplaceReason>) {
        let event = Event {
            worker,
            reason: replaced.map(ToString::to_string),
            ..self.launch_event(EventKind::Launched)
        };
        self.machine.history.note(&self.spec.state_dir, vec![event]).await;
    }

    /// An event of this session, with what it would launch.
    pub(super) fn launch_event(&self, kind: EventKind) -> Event {
        Event {
            version: Some(self.spec.version.to_string()),
            program: Some(self.spec.launch.program.to_string_lossy().into_owned()),
            ..Event::now(self.machine, kind)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::machine::LaunchError;
    use crate::spec::{LaunchCommand, WorkerSpec};

    #[test]
    fn what_keeps_a_process_from_being_started_is_told_apart() {
        let machine = crate::test_machine::machine();
        let spec = WorkerSpec::builder(LaunchCommand::new("w", ["serve"])).state_dir(std::env::temp_dir());
        let spec = spec.build().unwrap();
        let call = Call::new(&machine, &spec, &|_| {});
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let full = || io::Error::from(io::ErrorKind::WouldBlock);
        for (error, code) in [
            (LaunchError::NoProcess { source: denied() }, "not_permitted"),
            (LaunchError::NoProcess { source: full() }, "cannot_launch"),
            (LaunchError::Program { program: "w".to_owned(), source: denied() }, "cannot_launch"),
            (LaunchError::Log { path: "log".to_owned(), source: denied() }, "state_dir"),
        ] {
            let said = error.to_string();
            assert_eq!(call.cannot_launch(error).code(), code, "{said}");
        }
    }
}
