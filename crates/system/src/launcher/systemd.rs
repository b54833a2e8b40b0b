//! Starting a worker through systemd, where a unit of the identity is enabled: so it is the manager's from the first, in a control group of its own,
//! and serves on the socket that the manager has opened.
//!
//! Only the elected gets here, with nobody in office: a session that finds a worker looks for no unit. The manager gets little time. Whatever
//! goes wrong with it, the session starts the worker itself; were the unit's to come after all, it would lose office and stand by.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use oneworker_protocol::machine::{
    ElectionGuard, Ending, LaunchError, LaunchEvent, Launched, Launcher, Machine, ProcessIdentity,
    TenureLook, WorkerReport,
};
use oneworker_protocol::record::{self, Record, WorkerState};
use oneworker_protocol::{Deadline, EnsureRequest, Predecessor, WorkerId, layout};

use crate::systemd;

/// How long the manager and its worker may take until that is in office; a third of the session's deadline if that is less.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(3);

/// Has systemd start the workers whose unit is enabled, and this machine's own launcher all others.
pub(crate) struct ByUnit(pub(crate) Machine);

#[async_trait]
impl Launcher for ByUnit {
    async fn launch(
        &self,
        request: &EnsureRequest,
        elected: &dyn ElectionGuard,
    ) -> Result<Box<dyn Launched>, LaunchError> {
        if let Some(unit) = enabled_unit(request)
            && let Some(launched) = self.start(&unit, request).await
        {
            return Ok(Box::new(launched));
        }
        self.0.launcher.launch(request, elected).await
    }
}

/// The enabled unit that starts the very worker that this session would: of the same program and the same directory, and no successor, who
/// has to be told whom it takes over from.
fn enabled_unit(request: &EnsureRequest) -> Option<String> {
    let launch = request.launch();
    if launch.env_set.iter().any(|(name, _)| name == Predecessor::VARIABLE) {
        return None;
    }
    let name = request.id().name().as_str();
    let path = systemd::unit_path(name, &|variable| std::env::var_os(variable))?;
    if !systemd::is_enabled(name, &path) {
        return None;
    }
    let words = systemd::command_words(&std::fs::read_to_string(path).ok()?)?;
    let program = std::path::Path::new(words.first()?).canonicalize().ok()?;
    let same_program = launch.program.canonicalize().ok()? == program;
    let dir = format!("--state-dir={}", request.id().state_dir().display());
    (same_program && words.contains(&dir)).then(|| systemd::service_unit(name))
}

impl ByUnit {
    /// Has the manager start it, and waits until it is in office; `None` if it is not in time.
    async fn start(&self, unit: &str, request: &EnsureRequest) -> Option<Started> {
        let machine = &self.0;
        let deadline = Deadline::after(
            &*machine.clock,
            PATIENCE.min(request.deadline() / 3),
            "waiting for the unit to start",
        );
        let log_start = request.id().log_file().metadata().map_or(0, |log| log.len());
        let mut asked = Asked(
            Command::new("systemctl")
                .args(["--user", "start", "--no-block", unit])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .ok()?,
        );
        loop {
            match asked.0.try_wait().ok()? {
                Some(status) if status.success() => break,
                Some(_) => return None,
                None if deadline.passed(&*machine.clock) => return None,
                None => machine.clock.sleep(PAUSE).await,
            }
        }
        let mut started =
            Started { machine: machine.clone(), id: request.id().clone(), process: None, log_start };
        loop {
            if started.in_office().await
                && let Some(record) = started.record().await
                // What the one before has left names a process that is no more.
                && machine.processes.look(record.process.pid).await.ok().flatten().is_some_and(|info| info.identity == record.process)
            {
                started.process = Some(record.process);
                return Some(started);
            }
            if deadline.passed(&*machine.clock) {
                return None;
            }
            machine.clock.sleep(PAUSE).await;
        }
    }
}

/// The manager's own program, which is not left behind.
struct Asked(Child);

impl Drop for Asked {
    fn drop(&mut self) {
        // Nothing happens to one that has ended and was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A worker of the manager's. What it says over a readiness channel nobody hears: it is known by its record.
struct Started {
    machine: Machine,
    id: WorkerId,
    process: Option<ProcessIdentity>,
    log_start: u64,
}

impl Started {
    async fn in_office(&self) -> bool {
        !matches!(self.machine.locks.look(self.id.state_dir()).await, Ok(TenureLook::Free))
    }

    async fn record(&self) -> Option<Record> {
        let files = &*self.machine.files;
        record::read(files, self.id.state_dir(), layout::RECORD, record::READ_LIMIT).await
    }
}

#[async_trait]
impl Launched for Started {
    fn process(&self) -> Option<ProcessIdentity> {
        self.process.clone()
    }

    fn log_start(&self) -> u64 {
        self.log_start
    }

    async fn next(&mut self) -> LaunchEvent {
        loop {
            let record = self.record().await.filter(|record| Some(&record.process) == self.process.as_ref());
            if let Some(Record { state: WorkerState::Ready, epoch: Some(epoch), .. }) = record {
                return LaunchEvent::Report(WorkerReport::Ready { epoch });
            }
            if !self.in_office().await {
                return LaunchEvent::Ended(Ending::Unknown);
            }
            self.machine.clock.sleep(PAUSE).await;
        }
    }
}
