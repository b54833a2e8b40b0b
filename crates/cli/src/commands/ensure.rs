//! `oneworker ensure`: the address of the one worker. Hooks run it before everything else, so nothing is set up that a running
//! worker's session does not need.

use coordinator::machine::Machine;
use coordinator::{EnsureRequest, Outcome, Worker, blocking, ensure_on, system};
use serde::Serialize;

use super::session;
use crate::args::EnsureArgs;
use crate::exit;
use crate::failure::Failure;
use crate::fields::ms;
use crate::output::{self, Mode, SCHEMA};
use crate::progress::Progress;
use crate::request::{Done, Request};

pub(super) fn run(args: &EnsureArgs) -> Done {
    let mut flags = args.common.flags();
    args.passed.add_to(&mut flags);
    args.supervised.add_to(&mut flags);
    args.upgrade.add_to(&mut flags);
    let request = Request::new(&flags, &args.common.file(), !args.no_start)?;
    let worker = match blocking::probe_once(&request.ensure) {
        Some(worker) => worker,
        None => watched(&request, &request.ensure, &system::machine())?,
    };
    if let Some(session) = &args.session {
        session::keep(&request, session, &args.lease)?;
    }
    print(args.output.mode(), request.settings.name.value.as_str(), &worker)?;
    Ok(exit::OK)
}

/// The worker that this asks for; on a terminal, whoever waits is told what for.
pub(super) fn watched(
    request: &Request,
    ensure: &EnsureRequest,
    machine: &Machine,
) -> Result<Worker, Failure> {
    let progress = Progress::default();
    request.block_on(async {
        let watcher = |words: &str| progress.phase(words);
        progress.watch(ensure_on(machine, ensure, &watcher)).await
    })
}

/// Prints where the worker is; `restart` ends in the same way.
pub(super) fn print(mode: Mode, name: &str, worker: &Worker) -> Result<(), Failure> {
    output::warnings(&worker.warnings);
    output::result(mode, &worker.url, &EnsureOutput::new(name, worker))
}

/// The shape of success.
#[derive(Serialize)]
pub(super) struct EnsureOutput<'a> {
    schema: u32,
    outcome: &'static str,
    name: &'a str,
    url: &'a str,
    port: u16,
    pid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    child_pid: Option<u32>,
    epoch: u64,
    version: String,
    elapsed_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

impl<'a> EnsureOutput<'a> {
    pub(super) fn new(name: &'a str, worker: &'a Worker) -> Self {
        Self {
            schema: SCHEMA,
            outcome: worker.outcome.as_str(),
            name,
            url: &worker.url,
            port: worker.port.get(),
            pid: worker.pid.0,
            child_pid: worker.child_pid.map(|pid| pid.0),
            epoch: worker.epoch.0,
            version: worker.version.to_string(),
            elapsed_ms: ms(worker.elapsed),
            why: match &worker.outcome {
                Outcome::Replaced { why } => Some(why.to_string()),
                _ => None,
            },
            warnings: &worker.warnings,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use coordinator::machine::Pid;
    use coordinator::{Epoch, Port, ProtocolRange, ReplaceReason};

    use super::*;

    fn worker(outcome: Outcome) -> Worker {
        Worker {
            url: "http://127.0.0.1:37777".into(),
            port: Port::DEFAULT,
            address: ([127, 0, 0, 1], 37777).into(),
            control: ([127, 0, 0, 1], 37777).into(),
            pid: Pid(42),
            child_pid: None,
            epoch: Epoch(7),
            version: semver::Version::new(0, 1, 0),
            protocol: ProtocolRange::default(),
            outcome,
            elapsed: Duration::from_micros(1900),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn success_has_the_documented_shape() {
        assert_eq!(
            serde_json::to_string(&EnsureOutput::new("default", &worker(Outcome::Reused))).unwrap(),
            r#"{"schema":1,"outcome":"reused","name":"default","url":"http://127.0.0.1:37777","port":37777,"pid":42,"epoch":7,"version":"0.1.0","elapsed_ms":1}"#
        );
    }

    #[test]
    fn a_replacement_says_why_and_warnings_are_told() {
        let why = ReplaceReason::Outdated { pid: Pid(1), version: semver::Version::new(0, 0, 1) };
        let mut worker = worker(Outcome::Replaced { why });
        worker.warnings.push("another port".into());
        let json = serde_json::to_value(EnsureOutput::new("default", &worker)).unwrap();
        assert_eq!(json["outcome"], "replaced");
        assert!(json["why"].as_str().unwrap().contains("only older protocols"));
        assert_eq!(json["warnings"][0], "another port");
    }
}
