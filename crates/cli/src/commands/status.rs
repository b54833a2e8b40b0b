//! `oneworker status`: who is in office, and is it well? Looks, and touches nothing.

use std::time::Duration;

use coordinator::machine::{Clock, Machine};
use coordinator::record::{LaunchNote, LaunchOutcome};
use coordinator::{Sight, system};
use serde::Serialize;
use serde_json::Value;

use super::condition::{WorkerCondition, inspect_worker, record_in_office};
use crate::args::QueryArgs;
use crate::errors;
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::fields::{activity_word, ms};
use crate::output::{self, SCHEMA, printable};
use crate::request::{Done, Request};

pub(super) fn run(args: &QueryArgs) -> Done {
    let request = Request::new(&args.common.flags(), &args.common.file(), false)?;
    let machine = system::machine();
    let sight = request.block_on(inspect_worker(&machine, &request))?;
    let report = StatusOutput::new(&request, &sight, &*machine.clock);
    output::result(args.output.mode(), &report.table(), &report)?;
    Ok(report.exit())
}

/// What `--json` prints.
pub(super) fn report(machine: &Machine, request: &Request) -> Result<Value, Failure> {
    let sight = request.block_on(inspect_worker(machine, request))?;
    Ok(output::value(&StatusOutput::new(request, &sight, &*machine.clock)))
}

/// The shape of the answer.
#[derive(Debug, Serialize)]
struct StatusOutput {
    schema: u32,
    name: String,
    state: WorkerCondition,
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

impl StatusOutput {
    fn new(request: &Request, sight: &Sight, clock: &dyn Clock) -> Self {
        let health = sight.health.as_ref().filter(|_| sight.in_office);
        let record = record_in_office(sight);
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
            name: request.ensure.id().name().to_string(),
            state: WorkerCondition::of(sight),
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
            log: request.ensure.id().log_file().to_string_lossy().into_owned(),
            state_dir: request.ensure.id().state_dir().to_string_lossy().into_owned(),
            trouble: sight.trouble.clone(),
            last_error: sight.launch.as_ref().and_then(last_error),
        }
    }

    fn exit(&self) -> Exit {
        if self.state == WorkerCondition::Ready { exit::OK } else { errors::exit_of(self.state.word()) }
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
mod tests;
