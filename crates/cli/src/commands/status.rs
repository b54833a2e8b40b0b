//! `oneworker status`: who is in office, and is it well? Looks, and touches nothing.

use std::time::Duration;

use coordinator::machine::{Clock, Machine};
use coordinator::record::{LaunchNote, LaunchOutcome, Record, WorkerState};
use coordinator::{EnsureError, Sight, inspect, system};
use serde::Serialize;
use serde_json::Value;

use crate::args::QueryArgs;
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::fields::{activity_word, ms};
use crate::output::{self, SCHEMA, printable};
use crate::progress::Progress;
use crate::request::{Done, Request};

pub(super) fn run(args: &QueryArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), false)?;
    let machine = system::machine();
    let sight = request.block_on(look(&machine, &request))?;
    let report = Report::new(&request, &sight, &*machine.clock);
    output::result(args.output.mode(), &report.table(), &report)?;
    Ok(report.exit())
}

/// What `--json` prints.
pub(super) fn report(machine: &Machine, request: &Request) -> Result<Value, Failure> {
    let sight = request.block_on(look(machine, request))?;
    Ok(output::value(&Report::new(request, &sight, &*machine.clock)))
}

pub(super) async fn look(machine: &Machine, request: &Request) -> Result<Sight, EnsureError> {
    let progress = Progress::default();
    progress.phase("looking at the worker");
    let limit = request.spec.deadline();
    let looking = tokio::time::timeout(limit, inspect(machine, &request.spec));
    match progress.watch(looking).await {
        Ok(sight) => sight,
        Err(_) => Err(EnsureError::TimedOut { phase: "looking at the worker", waited: limit }),
    }
}

/// How the worker is: one word, and the exit code that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Ready,
    Starting,
    Leaving,
    Unresponsive,
    NotRunning,
}

impl State {
    pub(super) fn of(sight: &Sight) -> Self {
        let said = match (&sight.health, office_record(sight)) {
            (Some(health), _) => Some(health.state),
            (None, record) => record.map(|record| record.state),
        };
        match said {
            _ if !sight.in_office => Self::NotRunning,
            Some(WorkerState::Starting) => Self::Starting,
            Some(WorkerState::Leaving) => Self::Leaving,
            Some(WorkerState::Ready) if sight.health.is_some() => Self::Ready,
            _ => Self::Unresponsive,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Leaving => "leaving",
            Self::Unresponsive => "unresponsive",
            Self::NotRunning => "not_running",
        }
    }
}

/// The record, if it is of the one in office and not a leftover.
pub(super) fn office_record(sight: &Sight) -> Option<&Record> {
    let record = sight.record.as_ref().filter(|_| sight.in_office)?;
    sight.holder.is_none_or(|pid| pid == record.process.pid).then_some(record)
}

/// The shape of the answer.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    name: String,
    state: State,
    proven: bool,
    pid: Option<u32>,
    activity: Option<&'static str>,
    epoch: Option<u64>,
    version: Option<String>,
    url: Option<String>,
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    child_pid: Option<u32>,
    uptime_ms: Option<u64>,
    program: Option<String>,
    log: String,
    state_dir: String,
    trouble: Option<String>,
    last_error: Option<String>,
}

impl Report {
    fn new(request: &Request, sight: &Sight, clock: &dyn Clock) -> Self {
        let health = sight.health.as_ref().filter(|_| sight.in_office);
        let record = office_record(sight);
        let service = match health {
            Some(health) => health.service,
            None => record.and_then(|record| record.service),
        };
        let own = health.map(|health| health.address).or(record.and_then(|record| record.address));
        let address = service.map(|service| service.address).or(own);
        let epoch = health.map(|health| health.epoch).or(record.and_then(|record| record.epoch));
        let version = health.map(|health| &health.version).or(record.map(|record| &record.version));
        let pid =
            health.map(|health| health.pid).or(sight.holder).or(record.map(|record| record.process.pid));
        let this_boot = record.filter(|record| record.process.boot_id == clock.boot_id());
        Self {
            schema: SCHEMA,
            name: request.spec.name().to_string(),
            state: State::of(sight),
            proven: health.is_some(),
            pid: pid.map(|pid| pid.0),
            child_pid: service.map(|service| service.pid.0),
            activity: sight.process.as_ref().map(|process| activity_word(process.activity)),
            epoch: epoch.map(|epoch| epoch.0),
            version: version.map(ToString::to_string),
            url: address.map(|address| format!("http://{address}")),
            port: address.map(|address| address.port()),
            uptime_ms: this_boot.map(|record| ms(clock.now().since(record.started))),
            program: record.map(|record| record.program.to_string_lossy().into_owned()),
            log: request.spec.log_file().to_string_lossy().into_owned(),
            state_dir: request.spec.state_dir().to_string_lossy().into_owned(),
            trouble: sight.trouble.clone(),
            last_error: sight.launch.as_ref().and_then(last_error),
        }
    }

    fn exit(&self) -> Exit {
        if self.state == State::Ready { exit::OK } else { exit::of(self.state.word()) }
    }

    fn table(&self) -> String {
        let uptime =
            self.uptime_ms.map(|ms| humantime::format_duration(Duration::from_secs(ms / 1000)).to_string());
        let state = match &self.trouble {
            Some(trouble) => format!("{}: {trouble}", self.state.word().replace('_', " ")),
            None => self.state.word().replace('_', " "),
        };
        let rows = [
            ("name", Some(self.name.clone())),
            ("state", Some(state)),
            ("pid", self.pid.map(|pid| pid.to_string())),
            ("process", self.activity.filter(|activity| *activity != "alive").map(str::to_owned)),
            ("epoch", self.epoch.map(|epoch| epoch.to_string())),
            ("version", self.version.clone()),
            ("url", self.url.clone()),
            ("uptime", uptime),
            ("program", self.program.clone()),
            ("last error", self.last_error.clone()),
            ("log", Some(self.log.clone())),
            ("state dir", Some(self.state_dir.clone())),
        ];
        let shown =
            rows.into_iter().filter_map(|(name, value)| Some(format!("{name:<10}  {}", printable(&value?))));
        shown.collect::<Vec<_>>().join("\n")
    }
}

/// Why the last start failed, if it did.
fn last_error(launch: &LaunchNote) -> Option<String> {
    match &launch.outcome {
        Some(LaunchOutcome::Failed) => launch.last_error.clone(),
        Some(LaunchOutcome::PortTaken { port, program, .. }) => {
            Some(format!("port {port} is held by {}", program.as_deref().unwrap_or("another program")))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
